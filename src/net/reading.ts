import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Transport } from './transport.ts';

/**
 * Between two looks at a paused transport: soon enough for a crowd that resets, and nothing for one that only is slow.
 */
const LOOK_MS = 5_000;

/**
 * The reading of one transport, stopped while what was read has nowhere to go.
 *
 * The kernel does not tell of a reset on a socket that nobody reads. Whoever stops for an endpoint that takes nothing
 * would keep a client that has long gone, and all that belongs to it, until the silence is long enough; so a transport
 * that is paused is asked from time to time whether it is lost.
 */
export class Reading implements TimerOwner {
  private isPaused = false;
  /**
   * Made when first needed: most transports are never paused. Left armed when reading goes on, since it often stops
   * again.
   */
  private timer: Timer | null = null;

  constructor(
    private readonly transport: Transport,
    private readonly clock: Clock,
  ) {}

  pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.transport.pause();
    this.timer ??= new Timer(this);
    if (!this.timer.isArmed) this.arm(this.timer);
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.transport.resume();
  }

  /** Looks no more: someone else reads on, or the transport is closed. */
  stop(): void {
    this.isPaused = false;
    if (this.timer !== null) this.clock.disarm(this.timer);
  }

  onTimer(timer: Timer): void {
    if (!this.isPaused) return;
    this.transport.probe();
    this.arm(timer);
  }

  private arm(timer: Timer): void {
    this.clock.arm(timer, this.clock.now() + LOOK_MS);
  }
}
