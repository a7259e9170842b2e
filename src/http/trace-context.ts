import type { Random } from '../base/random.ts';
import { writeHex } from './hex.ts';

const TRACEPARENT_LENGTH = 55;
const DASH = 0x2d;
const ZERO = 0x30;
const SAMPLED = 0x01;

/**
 * The place of one exchange in a distributed trace (W3C Trace Context, level 1). Owned by an exchange and filled again
 * for each request; the only garbage is the id strings themselves.
 *
 * A `traceparent` that cannot be read is treated as none at all: a new trace begins, and the `tracestate` that came
 * with it must then be dropped (see `isContinued`).
 */
export class TraceIds {
  /** 32 lower-case hex digits. */
  traceId = '';
  /** The caller's span, 16 hex digits; empty when the trace begins here. */
  parentSpanId = '';
  /** The span of this exchange, 16 hex digits. */
  spanId = '';
  isSampled = false;

  /** Continues the caller's trace and its word on sampling, or begins one that is sampled with probability `ratio`. */
  continueOrBegin(traceparent: string | null, ratio: number, random: Random): void {
    if (traceparent !== null && isTraceparent(traceparent)) {
      this.traceId = traceparent.slice(3, 35);
      this.parentSpanId = traceparent.slice(36, 52);
      this.isSampled = (digitAt(traceparent, 54) & SAMPLED) !== 0;
    } else {
      this.traceId = nextTraceId(random);
      this.parentSpanId = '';
      this.isSampled = random.next() < ratio;
    }
    this.spanId = nextSpanId(random);
  }

  /** The caller's `tracestate` belongs to this trace and may be passed on. */
  get isContinued(): boolean {
    return this.parentSpanId !== '';
  }
}

export function nextTraceId(random: Random): string {
  return randomId(32, random);
}

/** The id of a new span, for an exchange or an attempt. */
export function nextSpanId(random: Random): string {
  return randomId(16, random);
}

export function traceparentOf(traceId: string, spanId: string, isSampled: boolean): string {
  return isSampled ? `00-${traceId}-${spanId}-01` : `00-${traceId}-${spanId}-00`;
}

/**
 * Version 00 is exactly as long as this; a later one may say more behind what is known, after another dash. There is no
 * version ff. Lines of the field joined by a comma fail here too, as they must.
 */
export function isTraceparent(text: string): boolean {
  const { length } = text;
  if (length < TRACEPARENT_LENGTH || !isHex(text, 0, 2) || text.startsWith('ff')) return false;
  if (length > TRACEPARENT_LENGTH && (text.startsWith('00') || text.charCodeAt(TRACEPARENT_LENGTH) !== DASH))
    return false;
  if (text.charCodeAt(2) !== DASH || text.charCodeAt(35) !== DASH || text.charCodeAt(52) !== DASH) return false;
  return isId(text, 3, 35) && isId(text, 36, 52) && isHex(text, 53, 55);
}

function isId(text: string, from: number, to: number): boolean {
  if (!isHex(text, from, to)) return false;
  for (let at = from; at < to; at++) if (text.charCodeAt(at) !== ZERO) return true;
  return false;
}

function isHex(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (digitAt(text, at) < 0) return false;
  return true;
}

/** The value of a lower-case hex digit, or -1: the specification forbids upper case. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= ZERO && code <= 0x39) return code - ZERO;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}

const scratch = Buffer.alloc(32);

/** Through a buffer, because a string put together from pieces is flattened again when it is written to a socket. */
function randomId(digits: number, random: Random): string {
  let seen = 0;
  for (let at = 0; at < digits; at += 8) {
    const word = random.uint32();
    seen |= word;
    writeHex(scratch, at, word, 8);
  }
  // All zero means "no id" in this format.
  if (seen === 0) scratch[digits - 1] = ZERO + 1;
  return scratch.toString('latin1', 0, digits);
}
