import type { FailureCode } from '../../base/failure.ts';
import type { ExchangeContext } from '../exchange-context.ts';
import type { Move } from '../plan.ts';
import { type KeptRequest, pastDoors, Shadow, type ShadowOwner } from './shadow.ts';

/** A write that its main place has taken, on its way to the other. */
export interface SecondWrite {
  readonly move: Move;
  readonly request: KeptRequest;
  /** What it takes to keep it. */
  readonly bytes: number;
}

export interface LaneOwner {
  /** `code`: why it never had an answer, null where `shadow` says how it ended. */
  onWriteOver(write: SecondWrite, shadow: Shadow | null, code: FailureCode | null): void;
  onLaneEmpty(lane: Lane): void;
}

/**
 * Second writes one after the other, in the order they were added: the next begins when the one before is over, however
 * it ended. So the last write to a key at the main place is the last at the other, unless it is said to be lost.
 */
export class Lane implements ShadowOwner {
  private readonly queue: SecondWrite[] = [];
  private running: Shadow | null = null;
  private isStarting = false;

  constructor(
    readonly key: string,
    private readonly context: ExchangeContext,
    private readonly owner: LaneOwner,
  ) {}

  get size(): number {
    return this.queue.length;
  }

  add(write: SecondWrite): void {
    this.queue.push(write);
    if (this.running === null && !this.isStarting) this.advance();
  }

  /** The time is up. */
  expire(): void {
    this.running?.cancel('draining');
    this.running = null;
    for (const write of this.queue.splice(0)) this.owner.onWriteOver(write, null, 'draining');
    this.owner.onLaneEmpty(this);
  }

  onShadowOver(shadow: Shadow): void {
    this.running = null;
    this.owner.onWriteOver(this.queue.shift()!, shadow, null);
    if (!this.isStarting) this.advance();
  }

  /** Those that fail at once are gone through here, and not each inside the one before. */
  private advance(): void {
    this.isStarting = true;
    while (this.running === null && this.queue.length > 0) this.start(this.queue[0]!);
    this.isStarting = false;
    if (this.queue.length === 0) this.owner.onLaneEmpty(this);
  }

  private start({ move, request }: SecondWrite): void {
    const shadow = new Shadow(this.context, pastDoors(move.others[0]), request, false, this);
    this.running = shadow;
    try {
      shadow.start();
    } catch (error) {
      // Whoever's event this is in has nothing to do with it.
      this.context.observer.onBug(error);
      this.running = null;
      shadow.cancel('internal_error');
      this.owner.onWriteOver(this.queue.shift()!, null, 'internal_error');
    }
  }
}
