const WARM_UP = 200_000;
/** Small enough for most batches to end without a collection, which would hide what was allocated before it. */
const BATCH = 10_000;
const BATCHES = 100;

/**
 * Bytes that one of something allocates, once it has been compiled for good: the least of many batches, from which the
 * cost of looking is taken away. A collection in the middle of a batch makes it look smaller than nothing, and it is left out.
 */
export function allocatedPer(run: (times: number) => void): number {
  for (let done = 0; done < WARM_UP; done += BATCH) run(BATCH);
  const looking = least(() => undefined);
  return Math.max(0, least(() => run(BATCH)) - looking) / BATCH;
}

function least(work: () => void): number {
  let found = Number.POSITIVE_INFINITY;
  for (let i = 0; i < BATCHES; i++) {
    const before = process.memoryUsage().heapUsed;
    work();
    const grown = process.memoryUsage().heapUsed - before;
    if (grown >= 0) found = Math.min(found, grown);
  }
  return found;
}
