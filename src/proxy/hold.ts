import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { Parked } from './parking.ts';

export interface HoldOptions {
  /** From the first wait of a request to its refusal; 0: nothing is held. */
  readonly timeMs: number;
  /** Requests and connections at once. */
  readonly requests: number;
  /** What is kept of the bodies of all of them. */
  readonly bytes: number;
}

/**
 * Ten seconds are longer than most fail-overs, and shorter than the deadline of a request. A thousand requests are what
 * an upstream may have in flight anyway. Bodies are mostly still in the sockets of their clients: of each, one read is
 * kept here, 16 KiB on average at the limit of both.
 */
export const DEFAULT_HOLD: HoldOptions = { timeMs: 10_000, requests: 1_000, bytes: 16 * 2 ** 20 };

/** By what discovery says now, and not when it was chosen. */
export function isPrimary({ spec, isRemoved }: Endpoint): boolean {
  return spec.role === 'primary' && !isRemoved;
}

/** What nobody tells: an old primary that accepts again. Asked for often at first, then once a second. */
const FIRST_LOOK_MS = 250;
const MAX_LOOK_MS = 1_000;

/** How a request fares here. Its place is its own until it leaves, so that trying in vain costs nobody his turn. */
interface Place {
  readonly since: number;
  bytes: number;
  isWaiting: boolean;
}

/**
 * Where writes wait while there is no primary: those of which nothing has been sent, or which were refused unseen.
 *
 *     wait --> waiting --(a swap of the cluster, or a look)--> trying --> leave
 *                 ^                                              |
 *                 +------------ no primary, or it refuses -------+
 *
 * Bounded in number, in bytes, and each stay in time, all tries included. Oldest first. It never sends anything itself:
 * who is woken asks the cluster again, whose breakers bound what a dead primary is asked.
 */
export class Hold implements TimerOwner {
  /** Since the start. */
  held = 0;
  /** Turned away at the door. */
  full = 0;
  /** Waited in vain. */
  expired = 0;
  private readonly places = new Map<Parked, Place>();
  private bytes = 0;
  private waiting = 0;
  private lookMs = FIRST_LOOK_MS;
  private readonly timer = new Timer(this);

  constructor(
    private readonly clock: Clock,
    private options: HoldOptions,
  ) {}

  /** For who comes from now on; who is here stays as long as is said now. */
  reconfigure(options: HoldOptions): void {
    this.options = options;
  }

  /** How many wait at this moment. */
  get size(): number {
    return this.waiting;
  }

  /** Waits for a primary, `bytes` of its body with it. Null, or why it may not. */
  wait(parked: Parked, bytes: number, now: number): FailureCode | null {
    const { timeMs, requests } = this.options;
    const known = this.places.get(parked);
    if (now - (known?.since ?? now) >= timeMs) return this.expire(parked);
    if (known === undefined && (this.places.size >= requests || !this.hasRoom(bytes))) {
      this.full += 1;
      return 'park_full';
    }
    const place = known ?? { since: now, bytes: 0, isWaiting: false };
    if (known === undefined) {
      this.places.set(parked, place);
      this.held += 1;
    }
    this.bytes += bytes - place.bytes;
    place.bytes = bytes;
    place.isWaiting = true;
    this.waiting += 1;
    this.clock.arm(parked.parkTimer, place.since + timeMs);
    if (!this.timer.isArmed) this.clock.arm(this.timer, now + this.lookMs);
    return null;
  }

  /**
   * More of a body came while it waits. One that is too much ends at its timer, which fires now: its connection is in
   * the middle of a call.
   */
  grow(parked: Parked, bytes: number, now: number): void {
    const place = this.places.get(parked);
    if (place === undefined || !place.isWaiting) return;
    const fits = this.hasRoom(bytes);
    place.bytes += bytes;
    this.bytes += bytes;
    if (!fits) this.clock.arm(parked.parkTimer, now);
  }

  /** The stay is over: why it is refused now. */
  end(parked: Parked, now: number): FailureCode {
    const since = this.places.get(parked)?.since ?? now;
    if (now - since >= this.options.timeMs) return this.expire(parked);
    this.leave(parked);
    this.full += 1;
    return 'park_full';
  }

  /** It has its answer, or is gone. Harmless for who is not here. */
  leave(parked: Parked): void {
    const place = this.places.get(parked);
    if (place === undefined) return;
    this.clock.disarm(parked.parkTimer);
    if (place.isWaiting) this.waiting -= 1;
    this.bytes -= place.bytes;
    this.places.delete(parked);
    if (this.waiting === 0) this.rest();
  }

  /** There may be a primary now: everyone who waits tries, oldest first. */
  wakeAll(now: number): void {
    for (const [parked, place] of [...this.places]) {
      // Who is woken may take others with it: the places of one broadcast, the streams of one connection.
      if (!place.isWaiting || this.places.get(parked) !== place) continue;
      place.isWaiting = false;
      this.waiting -= 1;
      this.clock.disarm(parked.parkTimer);
      parked.onWake(now);
    }
    if (this.waiting === 0) this.rest();
  }

  onTimer(_timer: Timer, now: number): void {
    this.lookMs = Math.min(2 * this.lookMs, MAX_LOOK_MS);
    this.wakeAll(now);
  }

  private rest(): void {
    this.clock.disarm(this.timer);
    if (this.places.size === 0) this.lookMs = FIRST_LOOK_MS;
  }

  private hasRoom(bytes: number): boolean {
    return this.bytes + bytes <= this.options.bytes;
  }

  private expire(parked: Parked): 'no_primary' {
    this.leave(parked);
    this.expired += 1;
    return 'no_primary';
  }
}
