import type { Clock, Timer } from '../base/clock.ts';
import type { LimitOptions } from '../policy/options.ts';

/** An exchange that waits. Its timer is its own, and fires through `Timer.owner` as any other. */
export interface Parked {
  readonly parkTimer: Timer;
  /** Whatever it waited for may be there now; it has left the park. Does not throw: others wait too. */
  onWake(now: number): void;
}

/** What is kept of the bodies of all who wait for something to change: 16 KiB on average of as many as may wait. */
const MAX_BODY_BYTES = 16 * 2 ** 20;

/**
 * The one place where exchanges wait: for a backoff to pass, for discovery's first answer, or for the new owner of a
 * key that moves. Bounded in number and in what came of bodies; each stay is bounded in time. Oldest first.
 */
export class Parking {
  private readonly sleepers = new Set<Parked>();
  private readonly waiters = new Set<Parked>();
  private readonly held = new Set<Parked>();
  private readonly bodies = new Map<Parked, number>();
  private bodyBytes = 0;

  constructor(
    private readonly clock: Clock,
    private limits: LimitOptions,
  ) {}

  /** For who comes from now on. */
  reconfigure(limits: LimitOptions): void {
    this.limits = limits;
  }

  get size(): number {
    return this.sleepers.size + this.waiters.size + this.held.size;
  }

  get hasRoom(): boolean {
    return this.size < this.limits.maxParked;
  }

  /** Waits for the instant and nothing else. False when the park is full. */
  sleep(parked: Parked, until: number): boolean {
    return this.enter(this.sleepers, parked, until);
  }

  /** Waits for `wakeAll`, at most `parkTimeoutMs`. False when the park is full. */
  wait(parked: Parked, now: number): boolean {
    return this.enter(this.waiters, parked, now + this.limits.parkTimeoutMs);
  }

  /** Waits for `wakeHeld`, until the instant at most. False when the park is full. */
  hold(parked: Parked, until: number): boolean {
    return this.enter(this.held, parked, until);
  }

  /**
   * So much more of its body is here. False when it is too much: its timer fires now, since its connection is in the
   * middle of a call.
   */
  grow(parked: Parked, bytes: number, now: number): boolean {
    this.bodies.set(parked, (this.bodies.get(parked) ?? 0) + bytes);
    this.bodyBytes += bytes;
    if (this.bodyBytes <= MAX_BODY_BYTES) return true;
    this.clock.arm(parked.parkTimer, now);
    return false;
  }

  /** Harmless for who is not here. */
  leave(parked: Parked): void {
    this.clock.disarm(parked.parkTimer);
    this.bodyBytes -= this.bodies.get(parked) ?? 0;
    this.bodies.delete(parked);
    if (!this.sleepers.delete(parked) && !this.waiters.delete(parked)) this.held.delete(parked);
  }

  /** The state of the cluster changed: everyone who waits for that looks again, oldest first. */
  wakeAll(now: number): void {
    this.wake(this.waiters, now);
  }

  /** There is another plan: so does everyone who is held. */
  wakeHeld(now: number): void {
    this.wake(this.held, now);
  }

  private wake(among: Set<Parked>, now: number): void {
    // Those who enter again while being woken wait for the next change, not for this one.
    for (const parked of [...among]) {
      if (!among.has(parked)) continue;
      this.leave(parked);
      parked.onWake(now);
    }
  }

  private enter(into: Set<Parked>, parked: Parked, until: number): boolean {
    if (!this.hasRoom) return false;
    into.add(parked);
    this.clock.arm(parked.parkTimer, until);
    return true;
  }
}
