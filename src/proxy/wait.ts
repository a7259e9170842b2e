import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import { invariant } from '../base/invariant.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import type { Criticality } from '../policy/criticality.ts';
import type { Attempt } from './attempt.ts';
import type { HeldTime } from './held-time.ts';
import type { Hold } from './hold.ts';
import { LinePlace } from './line-place.ts';
import type { Parked } from './parking.ts';
import type { Placed } from './placement.ts';
import type { Plan } from './plan.ts';
import { Stay } from './stay.ts';

/** Told how a wait ended; it does not wait any more then. */
export interface WaitOwner {
  /** What it waited for may be there, or another configuration. */
  onWaitOver(now: number): void;
  /** It took too long, or more of its body came than there is room for. */
  onWaitInVain(code: FailureCode, now: number): void;
  /** The fault that held it up has had its time. */
  onDelayOver(now: number): void;
  /** One of the above threw. */
  onBug(error: unknown): void;
}

type For = 'nothing' | 'delay' | 'backoff' | 'endpoints' | 'primary' | 'room';

/**
 * Where one exchange waits: out a delay that was injected, or a backoff; for endpoints, which discovery may name soon
 * or a key that moves may have; for a primary; for room within its cluster's limits.
 *
 * The law: it waits for one thing at a time, on one timer, and whoever wakes it has let go of it. Nothing but its turn
 * among those who wait for a primary outlives a wait, until it is `answered` or leaves (see `Stay`). What comes of its
 * body counts where it waits, and ends the wait where it is too much.
 */
export class Wait implements Parked, TimerOwner {
  readonly parkTimer = new Timer(this);
  private what: For = 'nothing';
  private plan!: Plan;
  private readonly stay: Stay;
  /** Made when first needed: most plans have no line. */
  private linePlace: LinePlace | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly owner: WaitOwner,
    private readonly placed: Placed,
    private readonly heldTime: HeldTime,
  ) {
    this.stay = new Stay(this, placed);
  }

  /** From now on under this plan; it waits nowhere. */
  begin(plan: Plan): void {
    this.plan = plan;
  }

  forDelay(ms: number, now: number): void {
    this.what = 'delay';
    this.clock.arm(this.parkTimer, now + ms);
  }

  /** After an attempt. No wait is so long that no answer could come after it, unless its endpoint asked for it. */
  forBackoff({ ordinal, retryInMs }: Attempt, leftMs: number, now: number): void {
    const { pace, backoff, parking } = this.plan;
    const leastMs = pace.leastMs(now);
    const drawnMs = backoff.delayMs(ordinal);
    const delayMs = leastMs > 0 ? Math.min(drawnMs, leftMs - leastMs) : drawnMs;
    const isParked = parking.sleep(this, now + Math.max(delayMs, retryInMs));
    invariant(isParked, 'a retry is decided only where the park has room');
    this.what = 'backoff';
  }

  /** `bytes` of its body are here. Null, or why it may not wait. */
  forEndpoints(bytes: number, now: number): FailureCode | null {
    const { parking } = this.plan;
    const { heldUntil } = this.placed;
    const isKeyMoving = now < heldUntil;
    if (isKeyMoving) this.heldTime.begin(now);
    if (!(isKeyMoving ? parking.hold(this, heldUntil) : parking.wait(this, now))) return 'park_full';
    this.what = 'endpoints';
    this.grow(bytes, now);
    return null;
  }

  /** Only for what was placed to wait so. Null, or why it may not. */
  forPrimary(hold: Hold, bytes: number, now: number): FailureCode | null {
    const refusal = this.stay.wait(hold, bytes, now);
    if (refusal !== null) return refusal;
    this.what = 'primary';
    this.heldTime.begin(now);
    return null;
  }

  /** False: there is no line, or it is full. */
  forRoom(criticality: Criticality, bytes: number, now: number): boolean {
    this.linePlace ??= new LinePlace(this);
    if (!this.plan.line.enter(this.linePlace, criticality, bytes, now)) return false;
    this.what = 'room';
    return true;
  }

  /** More of its body came. Harmless for who does not wait. */
  grow(bytes: number, now: number): void {
    const { what, plan } = this;
    if (what === 'primary') this.stay.grow(bytes, now);
    if (what === 'room') plan.line.grow(this.linePlace!, bytes, now);
    if (what !== 'endpoints' || bytes === 0) return;
    if (!plan.parking.grow(this, bytes, now)) this.placed.refusal = 'park_full';
  }

  /** What may be held may be sent to no one but a primary, and who was chosen may be none any more. */
  allows(endpoint: Endpoint): boolean {
    return this.stay.allows(endpoint);
  }

  /** It has its answer, and needs no turn among those who wait for a primary. */
  answered(): void {
    this.stay.leave();
  }

  /** It is gone, whatever it waited for. */
  leave(now: number): void {
    const { what, plan } = this;
    this.what = 'nothing';
    if (what === 'delay') this.clock.disarm(this.parkTimer);
    if (what === 'backoff' || what === 'endpoints') plan.parking.leave(this);
    if (what === 'room') plan.line.leave(this.linePlace!);
    this.stay.leave();
    this.heldTime.end(now);
  }

  /** Woken by the cluster, which may have endpoints now, by its line, or by another configuration. */
  onWake(now: number): void {
    try {
      this.look(now);
    } catch (error) {
      this.owner.onBug(error);
    }
  }

  onTimer(_timer: Timer, now: number): void {
    // No connection is above a timer to catch what is thrown here.
    try {
      this.timeUp(now);
    } catch (error) {
      this.owner.onBug(error);
    }
  }

  private look(now: number): void {
    this.what = 'nothing';
    this.heldTime.end(now);
    this.owner.onWaitOver(now);
  }

  private timeUp(now: number): void {
    const { what, owner, plan } = this;
    this.what = 'nothing';
    if (what === 'delay') return owner.onDelayOver(now);
    if (what === 'primary') return owner.onWaitInVain(this.stay.end(now), now);
    if (what === 'room') return owner.onWaitInVain(plan.line.end(this.linePlace!, now), now);
    plan.parking.leave(this);
    if (what === 'backoff') return this.look(now);
    owner.onWaitInVain(this.placed.refusal, now);
  }
}
