import type { Random } from '../base/random.ts';
import type { LocalAnswer } from '../http/answer.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';

/**
 * Faults that are injected on purpose, so that one can see what becomes of them before it happens by itself.
 *
 * A fault ends by itself: it carries the instant of its end, which is compared with the time of each request, so that
 * no lost connection to Consul and no forgotten document keeps it alive. It is decided for a request before anything
 * else is, touches no endpoint and is no evidence about one; each answer it had a part in says so.
 */
export type FaultKind = 'delay' | 'abort' | 'reset' | 'bandwidth';

export const FAULT_KINDS: readonly FaultKind[] = ['delay', 'abort', 'reset', 'bandwidth'];

export type FaultEffect =
  | {
      readonly kind: 'delay';
      readonly delayMs: number /** Says the ms instead, up to `delayMs`; null: always that. */;
      readonly header: string | null;
    }
  | { readonly kind: 'abort'; readonly status: number; readonly grpcStatus: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number };

/** Which requests. What is not said is not asked. */
export interface MatchOptions {
  /** With `*` for any run of characters. */
  readonly path: string | null;
  /** Names in lower case; a null value: the field is there. */
  readonly headers: readonly { readonly name: string; readonly value: string | null }[];
  /** Verified identities, or addresses; empty: all. */
  readonly callers: readonly string[];
}

export interface FaultOptions {
  readonly effect: FaultEffect;
  /** Of the requests that match, in hundredths of a percent. */
  readonly share: number;
  readonly match: MatchOptions;
  /** Requests that it holds up at once; others pass. */
  readonly maxActive: number;
  /** Its end, in ms since 1970. */
  readonly untilMs: number;
}

/** No fault may be set for longer: whoever experiments is there to look. */
export const MAX_FAULT_MS = 86_400_000;

/** Of all requests, in the unit of `share`. */
export const WHOLE_SHARE = 10_000;

/** A request, or an opaque connection (null), as far as a fault may choose it. */
export interface FaultMatch {
  matches(head: RequestHead | null, peer: Peer): boolean;
}

/** One fault at work. Whoever is under it counts as active until it lets go. */
export interface ActiveFault {
  readonly options: FaultOptions;
  /** Of an abort; null of others. */
  readonly answer: LocalAnswer | null;
  active: number;
}

/** The words for every set of kinds: index 1 is a delay, 2 an abort, 4 a reset, 8 the bandwidth. */
const WORDS = Array.from({ length: 16 }, (_, bits) => FAULT_KINDS.filter((_kind, at) => bits & (1 << at)).join(', '));

/** What befalls one request. One object per exchange, reset for each request. */
export class Mishap {
  delay: ActiveFault | null = null;
  /** Of `delay`. */
  delayMs = 0;
  /** It ends so, without an endpoint: an abort or a reset. */
  end: ActiveFault | null = null;
  pace: ActiveFault | null = null;
  private bits = 0;

  reset(): void {
    if (this.bits === 0) return;
    this.delay = null;
    this.end = null;
    this.pace = null;
    this.bits = 0;
  }

  /** Its answer says that it was tampered with. */
  get isMarked(): boolean {
    return this.bits !== 0;
  }

  /** `delay, abort`; null of a request that nothing befell. */
  get words(): string | null {
    return this.bits === 0 ? null : WORDS[this.bits]!;
  }

  take(fault: ActiveFault, kind: FaultKind): void {
    fault.active += 1;
    if (kind === 'delay') this.delay = fault;
    else if (kind === 'bandwidth') this.pace = fault;
    else this.end = fault;
    this.bits |= 1 << FAULT_KINDS.indexOf(kind);
  }
}

export type FaultCounts = Record<FaultKind | 'skipped', number>;

/** The faults of one plan. */
export interface Faults {
  /**
   * Decides what befalls a request; true when something does. `mishap` was reset. `head` is null of an opaque
   * connection.
   */
  choose(head: RequestHead | null, peer: Peer, random: Random, mishap: Mishap, now: number): boolean;
  /** Once for each that was chosen, when it is over. */
  leave(mishap: Mishap): void;
  /** Injected since the start; `skipped` are those that `maxActive` let pass. */
  readonly counts: Readonly<FaultCounts>;
  /** What is in force at this time, with when it ends. */
  inForce(now: number): readonly (ActiveFault & { readonly endsAt: number })[];
}

export function noCounts(): FaultCounts {
  return { delay: 0, abort: 0, reset: 0, bandwidth: 0, skipped: 0 };
}

/** Nothing befalls anybody. */
export const NO_FAULTS: Faults = {
  choose: () => false,
  leave: () => undefined,
  counts: noCounts(),
  inForce: () => [],
};
