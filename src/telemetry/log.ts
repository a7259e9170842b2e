import type { Clock } from '../base/clock.ts';
import type { Log, LogFields, LogValue } from '../base/log.ts';
import { Counter } from './instruments.ts';
import { type LineSink, lineSamples } from './line-sink.ts';
import { type Sample, sample } from './registry.ts';
import { wallTimeText } from './wall-time.ts';

const LEVELS = ['info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];
export type LogFormat = 'json' | 'text';

export interface LogOptions {
  /** The least that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/** Lines of one event: so many at once, then one in every so many ms. */
const BURST = 20;
const REFILL_MS = 1_000;
/** Events are constants of the program; more than these share one allowance. */
const MAX_EVENTS = 512;
/** A stack or a message from outside is cut here. */
const MAX_VALUE = 4_096;

/**
 * The process log. An error storm costs a line per second and event: what is left out is counted, and the next line of
 * that event says how many there were (`suppressed`).
 */
export class ProcessLog implements Log {
  readonly suppressed = new Counter();
  private readonly allowances = new Map<string, Allowance>();
  private readonly least: number;

  constructor(
    private readonly sink: LineSink,
    private readonly clock: Clock,
    private readonly options: LogOptions,
  ) {
    this.least = LEVELS.indexOf(options.level);
  }

  info(event: string, fields: LogFields = {}): void {
    this.write('info', event, fields);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.write('warn', event, fields);
  }

  error(event: string, fields: LogFields = {}): void {
    this.write('error', event, fields);
  }

  samples(): Sample[] {
    return [
      ...lineSamples('process', this.sink),
      sample('remora_log_lines_total', ['process', 'suppressed'], this.suppressed.value),
    ];
  }

  private write(level: LogLevel, event: string, fields: LogFields): void {
    if (LEVELS.indexOf(level) < this.least) return;
    const allowance = this.allowanceOf(event);
    if (!allowance.tryTake(this.clock.now())) {
      this.suppressed.value += 1;
      return;
    }
    const said: Record<string, string | number | boolean | null> = {
      time: wallTimeText(this.clock.wallMs()),
      level,
      event,
    };
    // What every line has cannot be overwritten by a field of the same name.
    for (const [name, value] of Object.entries(fields)) said[name in said ? `${name}_` : name] = plain(value, level);
    if (allowance.suppressed > 0) said['suppressed'] = allowance.suppressed;
    allowance.suppressed = 0;
    this.sink.write(this.options.format === 'json' ? JSON.stringify(said) : textLine(said));
  }

  private allowanceOf(event: string): Allowance {
    const key = this.allowances.has(event) || this.allowances.size < MAX_EVENTS ? event : '';
    let allowance = this.allowances.get(key);
    if (allowance === undefined) this.allowances.set(key, (allowance = new Allowance(this.clock.now())));
    return allowance;
  }
}

/** A token bucket. */
class Allowance {
  suppressed = 0;
  private left = BURST;

  constructor(private filledAt: number) {}

  tryTake(now: number): boolean {
    const earned = Math.floor((now - this.filledAt) / REFILL_MS);
    this.left = Math.min(BURST, this.left + earned);
    this.filledAt += earned * REFILL_MS;
    if (this.left > 0) {
      this.left -= 1;
      return true;
    }
    this.suppressed += 1;
    return false;
  }
}

function plain(value: LogValue, level: LogLevel): string | number | boolean | null {
  if (typeof value === 'string') return value.slice(0, MAX_VALUE);
  if (!(value instanceof Error)) return value;
  const text = level === 'error' && value.stack !== undefined ? value.stack : `${value.name}: ${value.message}`;
  return text.slice(0, MAX_VALUE);
}

/** `2023-11-14T22:13:20.000Z warn span_export_failed spans=512 reason="connect ECONNREFUSED"` */
function textLine(said: Readonly<Record<string, string | number | boolean | null>>): string {
  const { time, level, event, ...fields } = said;
  const words = Object.entries(fields).map(([name, value]) => `${name}=${wordOf(value)}`);
  return [time, level, event, ...words].join(' ');
}

/** Quoted as JSON when it could be taken for something else, so that no value can begin a line of its own. */
function wordOf(value: string | number | boolean | null): string {
  const text = String(value);
  return /^[\w.:/@+-]+$/.test(text) ? text : JSON.stringify(text);
}
