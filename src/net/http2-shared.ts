import type { Random } from '../base/random.ts';
import type { WindowBudget } from '../http2/receive-window.ts';
import type { SessionOptions } from '../http2/session-owner.ts';
import type { Wires } from './session-wire.ts';

/** A part of `HttpConfig`: the limits of HTTP/2 sessions, whichever side they are on. */
export interface Http2Limits extends SessionOptions {
  /** A connection to an endpoint that is silent this long is asked whether it lives; 0: never. */
  readonly pingIntervalMs: number;
  /** It is dead when it has not answered by then. */
  readonly pingTimeoutMs: number;
}

/** What all HTTP/2 connections of the process share. */
export interface Http2Shared {
  readonly wires: Wires;
  readonly budget: WindowBudget;
  readonly limits: Http2Limits;
  readonly random: Random;
}
