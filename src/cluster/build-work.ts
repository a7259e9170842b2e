/** About a millisecond's. */
export const WORK_PER_SLICE = 65_536;
/** What a hash costs, in units of looking at one entry of a table. */
export const HASH_WORK = 32;
/** A read that is likely to miss the processor's caches. */
export const PROBE_WORK = 2;

/**
 * Counts the work of a build, so that it lets others run after a fixed amount of it: an amount, and not a time, because
 * then the slices of a build are the same wherever it runs. How many slices fit into a turn is the cluster's question.
 */
export class BuildWork {
  /** All that has been done. */
  done = 0;
  private slicesAt = WORK_PER_SLICE;

  /** Is it time to let others run? To be asked before more than a few units have been done. */
  isDue(units: number): boolean {
    this.done += units;
    if (this.done < this.slicesAt) return false;
    this.slicesAt = this.done + WORK_PER_SLICE;
    return true;
  }
}
