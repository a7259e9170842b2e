import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Transport } from './transport.ts';

/** How long the client has to close its end after ours, and how much it may still send meanwhile. */
const LINGER_MS = 2_000;
const LINGER_BYTES = 4_194_304;
/**
 * One that reads its last answer slowly is given this many times as long between two steps that can be seen; `Stall`
 * has their size.
 */
const MAX_STALLS = 15;

/**
 * The end of a connection that has had its last answer: our FIN goes out, and the client's is waited for, while what
 * comes in is dropped. Closing at once would reset the connection if bytes are still coming, and that could take the
 * answer with it (RFC 9112, 9.6).
 */
export class Linger implements TimerOwner {
  private readonly timer = new Timer(this);
  private dropped = 0;
  private pendingBefore = 0;
  private stalls = 0;

  /** `onOver` is called at most once, when there is nothing left to wait for. */
  constructor(
    private readonly transport: Transport,
    private readonly clock: Clock,
    private readonly onOver: () => void,
  ) {
    transport.end();
    transport.resume();
    this.pendingBefore = transport.pendingBytes;
    this.arm();
  }

  /** So many bytes came in. */
  drop(count: number): void {
    this.dropped += count;
    if (this.dropped > LINGER_BYTES) this.over();
  }

  stop(): void {
    this.clock.disarm(this.timer);
  }

  onTimer(): void {
    const pending = this.transport.pendingBytes;
    this.stalls = pending < this.pendingBefore ? 0 : this.stalls + 1;
    this.pendingBefore = pending;
    if (pending === 0 || this.stalls > MAX_STALLS) this.over();
    else this.arm();
  }

  private over(): void {
    this.stop();
    this.onOver();
  }

  private arm(): void {
    this.clock.arm(this.timer, this.clock.now() + LINGER_MS);
  }
}
