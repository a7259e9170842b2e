import type { Clock } from '../base/clock.ts';

/** A window of which half is used up within this is what bounds the speed, at any round trip that a mesh has. */
const FAST_MS = 100;

/**
 * What all windows of the process together may have grown beyond their first size. Windows are memory that peers may
 * make us hold, so their growth is a share of something bounded.
 */
export class WindowBudget {
  private taken = 0;

  constructor(private readonly maxBytes: number) {}

  take(bytes: number): boolean {
    if (this.taken + bytes > this.maxBytes) return false;
    this.taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.taken -= bytes;
  }

  get takenBytes(): number {
    return this.taken;
  }
}

/**
 * What a peer may still send, of one stream or of all (RFC 9113, 5.2).
 *
 * Credit goes back when half of the window has been used and passed on. A window that is used up fast doubles, up to
 * its limit and the budget's: so it fits the bandwidth that is really there, and who sends little may send little at
 * once.
 */
export class ReceiveWindow {
  private credit: number;
  private size: number;
  private used = 0;
  private grantedAt = 0;

  constructor(
    private readonly firstSize: number,
    private readonly maxSize: number,
    private readonly budget: WindowBudget,
    private readonly clock: Clock,
  ) {
    this.size = firstSize;
    this.credit = firstSize;
  }

  /** Used again for another stream. */
  reset(): void {
    this.giveBack();
    this.credit = this.firstSize;
    this.used = 0;
    this.grantedAt = 0;
  }

  /** The end of its use: what it grew by is free for others. */
  giveBack(): void {
    if (this.size > this.firstSize) this.budget.giveBack(this.size - this.firstSize);
    this.size = this.firstSize;
  }

  /** The peer has sent so much. False: more than it may. */
  take(bytes: number): boolean {
    this.credit -= bytes;
    return this.credit >= 0;
  }

  /** So much of it has been passed on. Answers what to announce now, 0 for nothing. */
  pass(bytes: number): number {
    this.used += bytes;
    if (this.used * 2 < this.size) return 0;
    const now = this.clock.now();
    if (this.grantedAt > 0 && now - this.grantedAt < FAST_MS) this.grow();
    this.grantedAt = now;
    const increment = this.used;
    this.credit += increment;
    this.used = 0;
    return increment;
  }

  private grow(): void {
    const more = Math.min(this.size, this.maxSize - this.size);
    if (more <= 0 || !this.budget.take(more)) return;
    this.size += more;
    this.used += more;
  }
}
