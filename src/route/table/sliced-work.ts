import type { Clock } from '../../base/clock.ts';

const SLICE_MS = 4;

/**
 * Does a long piece of work in slices, between which requests are served. The first begins at once, so that short work
 * is done when `run` returns. Newer work takes the place of what is not finished: nobody would look at that any more.
 */
export class SlicedWork {
  private current: Generator<void, unknown> | null = null;

  constructor(
    private readonly clock: Clock,
    /** Runs a task after pending I/O has had its turn (`setImmediate`). */
    private readonly later: (task: () => void) => void,
  ) {}

  get isBusy(): boolean {
    return this.current !== null;
  }

  run<T>(work: Generator<void, T>, onDone: (made: T) => void): void {
    this.current = work;
    this.slice(work, onDone);
  }

  stop(): void {
    this.current = null;
  }

  private slice<T>(work: Generator<void, T>, onDone: (made: T) => void): void {
    const until = this.clock.now() + SLICE_MS;
    while (this.current === work) {
      const step = work.next();
      if (step.done) {
        this.current = null;
        return onDone(step.value);
      }
      if (this.clock.now() >= until) return this.later(() => this.slice(work, onDone));
    }
  }
}
