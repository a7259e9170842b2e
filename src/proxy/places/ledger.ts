import type { FailureCode } from '../../base/failure.ts';

/**
 * `skipped`: there was nothing to compare; the body was not kept, there was no room, or the main place had no whole
 * answer.
 */
export type Comparison = 'same' | 'different' | 'failed' | 'skipped';

/**
 * Why the second place lacks a write. `refused`: it answered, and not with success. `unknown`: the main place was lost
 * over the request, so that nobody can say whether it has the write.
 */
export type LossReason = FailureCode | 'refused' | 'unknown' | 'body_too_large' | 'request_incomplete' | 'lane_full';

/** A write that may be in one place and not in the other. Of the request only hashes are kept: paths may be secrets. */
export interface LostWrite {
  /** Wall time, ms. */
  readonly at: number;
  readonly method: string;
  /** xxHash64, 16 hex digits. */
  readonly pathHash: string;
  /** 8 hex digits. */
  readonly keyHash: string;
  readonly why: LossReason;
  /** What the second place answered; 0 for nothing. */
  readonly status: number;
}

/** Losses that are kept word by word; all are counted. */
const MAX_LOSSES = 1_000;

/**
 * The books of one range that moves: how often the two places agreed, and every write that one of them may lack.
 *
 * A loss is never made good here: sending a write again later could undo a newer one. So the first one turns the range
 * `diverged`, for good, and whoever moves it decides what to copy again.
 */
export class Ledger {
  readonly reads: Record<Comparison, number> = { same: 0, different: 0, failed: 0, skipped: 0 };
  written = 0;
  lost = 0;
  /** A circle once it is full; `lost` says where it begins. */
  private readonly losses: LostWrite[] = [];

  constructor(
    /** The range, as operators know it. */
    readonly name: string,
    private readonly onDiverged: (loss: LostWrite) => void = () => undefined,
  ) {}

  get isDiverged(): boolean {
    return this.lost > 0;
  }

  onRead(result: Comparison): void {
    this.reads[result] += 1;
  }

  onWritten(): void {
    this.written += 1;
  }

  onLost(write: LostWrite): void {
    this.losses[this.lost % MAX_LOSSES] = write;
    this.lost += 1;
    if (this.lost === 1) this.onDiverged(write);
  }

  /** The last losses, oldest first. */
  recent(): readonly LostWrite[] {
    const start = this.lost <= MAX_LOSSES ? 0 : this.lost % MAX_LOSSES;
    return [...this.losses.slice(start), ...this.losses.slice(0, start)];
  }
}
