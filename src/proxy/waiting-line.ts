import type { Clock } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import { CRITICALITY_NAMES, type Criticality } from '../policy/criticality.ts';
import type { Gate } from '../policy/gate.ts';
import type { LimitOptions } from '../policy/options.ts';
import type { Line } from './line.ts';
import type { LinePlace } from './line-place.ts';

/** What is kept of the bodies of all who wait: 16 KiB on average of a thousand. */
const MAX_BODY_BYTES = 16 * 2 ** 20;

/** Where the oldest has waited for this share of its time, waiting in turn helps nobody any more. */
const LATE_SHARE = 0.5;

/** Those of one criticality, oldest first. */
interface Rank {
  first: LinePlace | null;
  last: LinePlace | null;
}

/**
 * The line before a cluster's limits.
 *
 *     enter --> waiting --(room, its turn)--> woken: asks the gate again --> admitted, or back to where it stood
 *                  \---- its time is over, it is put out for one that matters more, or it is gone ----> leave
 *
 * Bounded in number, in bytes, and each stay in time, however often it was woken in vain. The most critical are first;
 * among equals the oldest, as long as waiting helps. Once the oldest has waited for half of its time the line is longer
 * than what can be served in time: then first come, first served would serve everybody late, just before or after its
 * caller gave up, so the newest is next, and those who came before it run out of time (the idea of CoDel and of adaptive
 * LIFO). A full line puts out one that matters less for one that matters more.
 *
 * Who is next is woken when the turn of the event loop is over that made the room: so it is never called by the exchange
 * that ended, and the answers that came together make room together. Nobody passes those who wait (`isBefore`), since at
 * three times the load newcomers would take each place before the line is asked. Nothing is allocated for who waits.
 */
export class WaitingLine implements Line {
  size = 0;
  /** Since the start. */
  entered = 0;
  /** Turned away at once: as many, or as much of their bodies, waited as may. */
  full = 0;
  /** Put out for one that matters more. */
  displaced = 0;
  /** Waited in vain. */
  expired = 0;
  private readonly ranks: readonly Rank[] = CRITICALITY_NAMES.map(() => ({ first: null, last: null }));
  private bytes = 0;
  private isTurnDue = false;
  /** Woken at this moment; it may want its place back. */
  private waking: LinePlace | null = null;
  private isBack = false;
  private readonly turn = (): void => this.wakeNext();

  /** `later`: runs the task when the turn of the event loop is over. */
  constructor(
    private readonly clock: Clock,
    private readonly gate: Gate,
    private limits: LimitOptions,
    private readonly later: (task: () => void) => void,
  ) {}

  /** For who comes from now on; there may be room now for those who are here. */
  reconfigure(limits: LimitOptions): void {
    this.limits = limits;
    this.roomMade();
  }

  isBefore(criticality: Criticality, now: number): boolean {
    if (this.size === 0 || this.waking !== null) return false;
    for (let level = 0; level < criticality; level++) if (this.ranks[level]!.first !== null) return true;
    const { first } = this.ranks[criticality]!;
    return first !== null && !this.isLate(first, now);
  }

  enter(place: LinePlace, criticality: Criticality, bytes: number, now: number): boolean {
    if (place === this.waking) return this.comeBack(place, bytes);
    const { maxPending, pendingTimeoutMs } = this.limits;
    if (maxPending === 0) return false;
    const isFull = this.size >= maxPending;
    const lesser = isFull ? this.lesserThan(criticality, now) : null;
    const hasRoom = !isFull || lesser !== null;
    if (!hasRoom || this.bytes - (lesser === null ? 0 : lesser.bytes) + bytes > MAX_BODY_BYTES) {
      this.full += 1;
      return false;
    }
    if (lesser !== null) this.putOut(lesser, now);
    place.criticality = criticality;
    place.bytes = bytes;
    place.since = now;
    place.until = now + pendingTimeoutMs;
    this.insert(place, null);
    this.entered += 1;
    this.clock.arm(place.parked.parkTimer, place.until);
    return true;
  }

  grow(place: LinePlace, bytes: number, now: number): void {
    if (!place.isIn) return;
    place.bytes += bytes;
    this.bytes += bytes;
    // Its connection is in the middle of a call, so it ends at its timer.
    if (this.bytes > MAX_BODY_BYTES) this.clock.arm(place.parked.parkTimer, now);
  }

  end(place: LinePlace, now: number): FailureCode {
    if (now >= place.until) this.expired += 1;
    else if (place.isIn) this.full += 1;
    this.leave(place);
    return now >= place.until ? 'pending_timeout' : this.gate.refusal;
  }

  leave(place: LinePlace): void {
    this.clock.disarm(place.parked.parkTimer);
    if (place.isIn) this.remove(place);
  }

  roomMade(): void {
    if (this.size === 0 || this.isTurnDue) return;
    this.isTurnDue = true;
    this.later(this.turn);
  }

  /** As many as there are places, and no longer than each of those who were here could have had a turn. */
  private wakeNext(): void {
    this.isTurnDue = false;
    const now = this.clock.now();
    for (let left = this.size; left > 0; left--) {
      const place = this.next(now);
      if (place === null || !this.gate.canAdmit(now, place.criticality)) return;
      if (!this.wake(place, now)) return;
    }
  }

  /** False: it did not get what it waits for, and nor would the next. */
  private wake(place: LinePlace, now: number): boolean {
    const isFirst = place.previous === null;
    this.leave(place);
    this.waking = place;
    this.isBack = false;
    place.parked.onWake(now);
    this.waking = null;
    if (!this.isBack) return true;
    this.insert(place, isFirst ? this.ranks[place.criticality]!.first : null);
    this.clock.arm(place.parked.parkTimer, place.until);
    return false;
  }

  private comeBack(place: LinePlace, bytes: number): boolean {
    place.bytes = bytes;
    this.isBack = true;
    return true;
  }

  private next(now: number): LinePlace | null {
    for (const { first, last } of this.ranks) if (first !== null) return this.isLate(first, now) ? last : first;
    return null;
  }

  private isLate(oldest: LinePlace, now: number): boolean {
    return now - oldest.since >= LATE_SHARE * (oldest.until - oldest.since);
  }

  /** Who would be put out for one that matters more: the last in line, if it matters less. */
  private lesserThan(criticality: Criticality, now: number): LinePlace | null {
    for (let level = this.ranks.length - 1; level > criticality; level--) {
      const { first, last } = this.ranks[level]!;
      if (first !== null) return this.isLate(first, now) ? first : last;
    }
    return null;
  }

  /** Its timer fires now. */
  private putOut(place: LinePlace, now: number): void {
    this.remove(place);
    this.displaced += 1;
    this.clock.arm(place.parked.parkTimer, now);
  }

  /** Before `behind`; null: at the end. */
  private insert(place: LinePlace, behind: LinePlace | null): void {
    const rank = this.ranks[place.criticality]!;
    const before = behind === null ? rank.last : behind.previous;
    place.isIn = true;
    place.next = behind;
    place.previous = before;
    if (before === null) rank.first = place;
    else before.next = place;
    if (behind === null) rank.last = place;
    else behind.previous = place;
    this.size += 1;
    this.bytes += place.bytes;
  }

  private remove(place: LinePlace): void {
    const rank = this.ranks[place.criticality]!;
    const { next, previous } = place;
    if (previous === null) rank.first = next;
    else previous.next = next;
    if (next === null) rank.last = previous;
    else next.previous = previous;
    place.isIn = false;
    place.next = null;
    place.previous = null;
    this.size -= 1;
    this.bytes -= place.bytes;
  }
}
