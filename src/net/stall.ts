import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Transport } from './transport.ts';

/** A peer of whom nothing is seen to be taken of what is pending for this long is taken to be gone. */
export const STALL_MS = 60_000;

/**
 * The watch over what is pending on a transport when nothing else bounds the wait for its peer: no exchange runs, and
 * the peer may never read what it was sent. The kernel keeps such a connection for ever.
 *
 * Nothing may be written meanwhile, so fewer bytes pending means that the peer reads. The reverse does not hold: bytes
 * go over in steps, when a write is complete and when the kernel has a third of its send buffer free again. With the
 * large buffers of loopback a peer that reads 64 KiB/s is seen to every 20 s, so one that stays well below 20 KiB/s is
 * taken to be gone after a minute, though it reads. There is no public way to ask the kernel what lies between.
 */
export class Stall implements TimerOwner {
  private readonly timer = new Timer(this);
  private pendingBefore = 0;

  /** `onStall` is called at most once for each `watch`. */
  constructor(
    private readonly transport: Transport,
    private readonly clock: Clock,
    private readonly limitMs: number,
    private readonly onStall: () => void,
  ) {}

  /** Looks from now on until nothing is pending. */
  watch(): void {
    if (!this.timer.isArmed) this.look();
  }

  stop(): void {
    this.clock.disarm(this.timer);
  }

  onTimer(): void {
    const { pendingBytes } = this.transport;
    if (pendingBytes === 0) return;
    if (pendingBytes < this.pendingBefore) this.look();
    else this.onStall();
  }

  private look(): void {
    this.pendingBefore = this.transport.pendingBytes;
    this.clock.arm(this.timer, this.clock.now() + this.limitMs);
  }
}
