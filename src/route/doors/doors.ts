import type { FailureCode } from '../../base/failure.ts';
import type { Random } from '../../base/random.ts';
import type { Peer } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import type { RequestHead } from '../../http/head.ts';
import { type Door, OPEN_DOOR, type Visit } from '../../policy/door.ts';
import type { Evidence } from '../../policy/evidence.ts';
import { DEFAULT_THROTTLE, Throttle, type ThrottleOptions } from '../../policy/throttle.ts';
import type { RateLimitOptions } from './options.ts';
import { RateLimits } from './rate-limits.ts';

/** What is said of the doors of a plan in the configuration. */
export interface DoorOptions {
  readonly rateLimits: readonly RateLimitOptions[];
  readonly throttle: ThrottleOptions;
}

export const NO_DOORS: DoorOptions = { rateLimits: [], throttle: { ...DEFAULT_THROTTLE, mode: 'off' } };

/**
 * The doors of one plan, one behind the other: this process can take it, the endpoints are likely to, and it is not too
 * often. Rate limits come last, so that a token is taken only by who comes in.
 */
export class Doors implements Door {
  private readonly second: Door;
  private readonly third: Door;

  constructor(
    private readonly guard: Door,
    readonly throttle: Throttle,
    readonly limits: RateLimits,
  ) {
    this.second = throttle.options.mode === 'off' ? OPEN_DOOR : throttle;
    this.third = limits.all.length === 0 ? OPEN_DOOR : limits;
  }

  enter(head: RequestHead | null, peer: Peer, visit: Visit, now: number): FailureCode | null {
    const shed = this.guard.enter(head, peer, visit, now);
    if (shed !== null) return shed;
    return this.second.enter(head, peer, visit, now) ?? this.third.enter(head, peer, visit, now);
  }

  leave(visit: Visit, evidence: Evidence, now: number): void {
    this.second.leave(visit, evidence, now);
  }

  mark(visit: Visit, edits: Edits): void {
    this.guard.mark(visit, edits);
    this.third.mark(visit, edits);
  }
}

/** Doors as configured. What those before them have counted goes on, where it is counted in the same way. */
export function makeDoors(guard: Door, options: DoorOptions, random: Random, before: Doors | null): Doors {
  const throttle = new Throttle(options.throttle, random, before?.throttle ?? null);
  return new Doors(guard, throttle, new RateLimits(options.rateLimits, random, before?.limits ?? null));
}
