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

const FEW = 21;

/**
 * The same for what allocates much: what most batches need. Every few of them a collection comes, and a batch that it
 * fell into may look like less than it was without looking like nothing.
 */
export function mostlyAllocatedPer(run: (times: number) => void): number {
  for (let done = 0; done < WARM_UP; done += BATCH) run(BATCH);
  const grown = Array.from({ length: FEW }, () => {
    const before = process.memoryUsage().heapUsed;
    run(BATCH);
    return process.memoryUsage().heapUsed - before;
  });
  return grown.sort((a, b) => a - b)[FEW >> 1]! / BATCH;
}
