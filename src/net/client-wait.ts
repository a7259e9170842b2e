import { Timer, type TimerOwner } from '../base/clock.ts';
import type { ClientContext } from './client-context.ts';
import { STALL_MS, Stall } from './stall.ts';
import type { Transport } from './transport.ts';

/**
 * What a client can be waited for between two exchanges: its next request, the rest of a head, room for more answers.
 */
export type Awaited = 'request' | 'head' | 'room';

export interface WaitOwner {
  onOverdue(what: Awaited): void;
}

/** How long an idle connection is kept in a drain, for a request that is on its way already. */
const DRAIN_GRACE_MS = 2_000;

/**
 * The patience with a client whose request does not run: how long it may be silent, take over a head, or leave unread
 * what it was answered. While an exchange runs, its own bounds count and nothing here is armed.
 */
export class ClientWait implements TimerOwner {
  private readonly timer = new Timer(this);
  private isForHead = false;
  private isDraining = false;
  /** Made when first needed: most clients take what they are answered at once. */
  private stall: Stall | null = null;

  constructor(
    private readonly transport: Transport,
    private readonly context: ClientContext,
    private readonly owner: WaitOwner,
  ) {}

  /** From now on there is little patience for requests that may never come. */
  drain(): void {
    this.isDraining = true;
  }

  forRequest(): void {
    const { clientIdleMs } = this.context.limits;
    this.isForHead = false;
    this.arm(this.isDraining ? Math.min(DRAIN_GRACE_MS, clientIdleMs) : clientIdleMs);
    // The turn's end would do the same, too late to see what stays pending.
    this.context.host.output.flushFor(this.transport);
    if (this.transport.pendingBytes > 0) this.watch();
  }

  /** The time runs from the first call on. */
  forHead(): void {
    if (this.isForHead) return;
    this.isForHead = true;
    this.arm(this.context.limits.headTimeoutMs);
  }

  forRoom(): void {
    this.stop();
    this.watch();
  }

  stop(): void {
    this.isForHead = false;
    this.context.clock.disarm(this.timer);
    this.stall?.stop();
  }

  onTimer(): void {
    this.owner.onOverdue(this.isForHead ? 'head' : 'request');
  }

  private watch(): void {
    const { clock, limits } = this.context;
    const limitMs = Math.min(STALL_MS, limits.clientIdleMs);
    this.stall ??= new Stall(this.transport, clock, limitMs, () => this.owner.onOverdue('room'));
    this.stall.watch();
  }

  private arm(ms: number): void {
    const { clock } = this.context;
    clock.arm(this.timer, clock.now() + ms);
  }
}
