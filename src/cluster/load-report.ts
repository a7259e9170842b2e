import type { Fields } from '../http/fields.ts';

/** What is used of a report (xds.data.orca.v3.OrcaLoadReport). Written over by each reading. */
export interface LoadReport {
  /** 1 is one whole CPU, or all of them: whatever all endpoints of a service mean alike. */
  cpu: number;
  /** How busy the application says it is; 0 when it does not say. */
  application: number;
  qps: number;
  /** Errors per second, of those. */
  eps: number;
}

export type ReportReading = 'absent' | 'read' | 'malformed';

/** A report of a server with dozens of named metrics fits; what is longer is not looked at. */
const MAX_REPORT = 4_096;

const NUMBER = /^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads the load that an endpoint reports with an answer, in the three forms there are: `endpoint-load-metrics-bin`
 * (base64 of the protobuf message) and `endpoint-load-metrics` with a word in front, `TEXT cpu_utilization=0.3,...`,
 * `JSON {...}` or `BIN`. Keys that are not used are passed over, whatever they say.
 */
export function readLoadReport(fields: Fields, into: LoadReport): ReportReading {
  const binary = fields.get('endpoint-load-metrics-bin');
  const worded = binary === null ? fields.get('endpoint-load-metrics') : null;
  const value = binary ?? worded;
  if (value === null) return 'absent';
  into.cpu = 0;
  into.application = 0;
  into.qps = 0;
  into.eps = 0;
  if (value.length > MAX_REPORT) return 'malformed';
  const isRead = worded === null ? readBinary(value, into) : readWorded(value, into);
  return isRead && isSound(into) ? 'read' : 'malformed';
}

function readWorded(value: string, into: LoadReport): boolean {
  const space = value.indexOf(' ');
  const body = value.slice(space + 1).trim();
  switch (value.slice(0, space)) {
    case 'TEXT':
      return readText(body, into);
    case 'JSON':
      return readJson(body, into);
    case 'BIN':
      return readBinary(body, into);
    default:
      return false;
  }
}

function readText(body: string, into: LoadReport): boolean {
  return body.split(',').every((pair) => {
    const [key = '', value = ''] = pair.split('=', 2);
    if (!NUMBER.test(value.trim())) return false;
    set(into, key.trim(), Number(value));
    return true;
  });
}

function readJson(body: string, into: LoadReport): boolean {
  const message = parseJson(body);
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return false;
  for (const [key, value] of Object.entries(message)) if (typeof value === 'number') set(into, key, value);
  return true;
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON of protobuf knows both spellings of a key. */
function set(into: LoadReport, key: string, value: number): void {
  switch (key) {
    case 'cpu_utilization':
    case 'cpuUtilization':
      into.cpu = value;
      break;
    case 'application_utilization':
    case 'applicationUtilization':
      into.application = value;
      break;
    case 'rps_fractional':
    case 'rpsFractional':
      into.qps = value;
      break;
    case 'eps':
      into.eps = value;
      break;
  }
}

function isSound({ cpu, application, qps, eps }: LoadReport): boolean {
  return isLoad(cpu) && isLoad(application) && isLoad(qps) && isLoad(eps);
}

function isLoad(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY;
}

// --- The protobuf message. Numbers of its fields are said by orca_load_report.proto ---

const KEYS_BY_FIELD: Readonly<Record<number, string>> = {
  1: 'cpu_utilization',
  6: 'rps_fractional',
  7: 'eps',
  9: 'application_utilization',
};

function readBinary(text: string, into: LoadReport): boolean {
  // An empty message is a message.
  if (text !== '' && !BASE64.test(text)) return false;
  const bytes = Buffer.from(text, 'base64');
  const reader = new Reader(bytes);
  while (reader.at < bytes.length) {
    const tag = reader.varint();
    const key = KEYS_BY_FIELD[Math.floor(tag / 8)];
    if (tag % 8 === 1 && key !== undefined && reader.at + 8 <= bytes.length) {
      set(into, key, bytes.readDoubleLE(reader.at));
    }
    reader.skip(tag % 8);
  }
  return reader.at === bytes.length;
}

/** Beyond the end it stands where no message ends, so that one check at the end finds every fault. */
class Reader {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 42; factor *= 128) {
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return this.fail();
  }

  /** Passes over a value of this wire type. */
  skip(wireType: number): void {
    if (wireType === 0) return this.skipVarint();
    const length = wireType === 1 ? 8 : wireType === 5 ? 4 : wireType === 2 ? this.varint() : this.fail();
    this.at += length;
  }

  /** Of up to ten bytes: 64 bits, which a Number does not hold. */
  private skipVarint(): void {
    for (let i = 0; i < 10; i++) if ((this.bytes[this.at++] ?? 0) < 0x80) return;
    this.fail();
  }

  private fail(): number {
    this.at = Number.POSITIVE_INFINITY;
    return 0;
  }
}
