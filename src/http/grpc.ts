import type { LocalAnswer } from './answer.ts';
import { FieldList, type Fields } from './fields.ts';

/** `grpcStatusOf` answers this when there is no status. */
export const NO_GRPC_STATUS = -1;
/** What a status that is no number means. */
const UNKNOWN = 2;

const MAX_TIMEOUT = 99_999_999;

/** Milliseconds of each unit of `grpc-timeout`. */
const UNIT_MS: Readonly<Record<string, number>> = { n: 1e-6, u: 1e-3, m: 1, S: 1_000, M: 60_000, H: 3_600_000 };

/** From fine to coarse: the first that has room for the number is used. */
const WRITTEN_UNITS = ['m', 'S', 'M', 'H'] as const;

/** Is this the content type of a gRPC message? gRPC-Web is another protocol, and has plain HTTP answers. */
export function isGrpc(contentType: string | null): boolean {
  return contentType !== null && /^application\/grpc(?:$|[+; \t])/i.test(contentType);
}

/** The milliseconds that a `grpc-timeout` says, or -1 when it is none. What is finer than these counts as one more. */
export function parseGrpcTimeout(text: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? -1 : Math.ceil(Number(match[1]) * UNIT_MS[match[2]!]!);
}

/**
 * Writes a `grpc-timeout` for `ms` (0 and more). There is room for eight digits, so beyond a day it is said in coarser
 * units. It is rounded up, as nobody should give up before this program does.
 */
export function formatGrpcTimeout(ms: number): string {
  for (const unit of WRITTEN_UNITS) {
    const count = Math.ceil(ms / UNIT_MS[unit]!);
    if (count <= MAX_TIMEOUT) return `${count}${unit}`;
  }
  return `${MAX_TIMEOUT}H`;
}

/** The status in a head or in trailers, or `NO_GRPC_STATUS`. */
export function grpcStatusOf(fields: Fields): number {
  const text = fields.get('grpc-status');
  if (text === null) return NO_GRPC_STATUS;
  return /^\d{1,3}$/.test(text) ? Number(text) : UNKNOWN;
}

/** Text as `grpc-message` carries it: UTF-8, of which all but visible ASCII, and blanks at the ends, is escaped. */
export function encodeGrpcMessage(text: string): string {
  let encoded = '';
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    const isEnd = at === 0 || at === bytes.length - 1;
    const isPlain = byte > 0x1f && byte < 0x7f && byte !== 0x25 && !(byte === 0x20 && isEnd);
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/**
 * The form in which a gRPC client understands an answer of remora's own: a head alone that says the status of the call
 * where trailers would say it, and what the body says as its message. Other fields of the answer are kept.
 */
export function grpcAnswer(answer: LocalAnswer): LocalAnswer {
  const fields = new FieldList()
    .add('content-type', 'application/grpc')
    .add('grpc-status', String(answer.grpcStatus))
    .add('grpc-message', encodeGrpcMessage(answer.body.trim().replaceAll('\n', ' ')));
  answer.fields.forEach((name, value) => {
    if (!name.startsWith('content-') && !name.startsWith('grpc-')) fields.add(name, value);
  });
  return { ...answer, status: 200, fields, body: '' };
}
