import type { RequestHead } from '../http/head.ts';
import type { Journal } from './journal.ts';
import type { Replay } from './replay.ts';
import type { TimeBounds } from './time-bounds.ts';

/**
 * What of an exchange decides whether its request may be tried again, besides its attempts. One for all its requests.
 */
export class Tried {
  constructor(
    private readonly journal: Journal,
    private readonly replay: Replay,
    private readonly bounds: TimeBounds,
  ) {}

  get head(): RequestHead {
    return this.journal.head;
  }

  get isGrpc(): boolean {
    return this.journal.isGrpc;
  }

  /** Its trace is its caller's. */
  get isTraced(): boolean {
    return this.journal.trace.isContinued;
  }

  get isReplayable(): boolean {
    return this.replay.isWhole;
  }

  /** To its deadline. */
  leftMs(now: number): number {
    return this.bounds.leftMs(now);
  }
}
