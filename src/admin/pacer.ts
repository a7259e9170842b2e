import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/sleep.ts';

/** Work of t ms earns a pause of nine times t, so operators get at most a tenth of the loop. */
const PAUSE_PER_WORK = 9;
/** Owed pauses up to here are not taken: somebody who asks now and then never waits. */
const FREE_DEBT_MS = 200;

/**
 * Keeps the rendering of large answers from taking the event loop away from traffic.
 *
 * Renders run one at a time, and each puts the pacer into debt by a multiple of the time it took; the next one waits
 * until the debt has worn off. Answers are late under a flood of questions, never stale: a cache would show operators
 * (and tests) what was true before their last action.
 */
export class Pacer {
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;
  private debtFreeAt = 0;
  private readonly closing = new AbortController();

  constructor(
    private readonly clock: Clock,
    private readonly maxWaiting: number,
  ) {}

  /** Ask before `run`: more would wait than may. */
  get isFull(): boolean {
    return this.waiting >= this.maxWaiting;
  }

  run<T>(work: () => T | Promise<T>): Promise<T> {
    this.waiting++;
    const done = this.last.then(() => this.payDebt()).then(() => this.measured(work));
    this.last = done.then(
      () => this.leave(),
      () => this.leave(),
    );
    return done;
  }

  /** Whoever still waits is served at once. */
  close(): void {
    this.closing.abort();
  }

  private leave(): void {
    this.waiting--;
  }

  private payDebt(): Promise<void> {
    const pauseMs = this.debtFreeAt - FREE_DEBT_MS - this.clock.now();
    return pauseMs > 0 ? sleep(this.clock, pauseMs, this.closing.signal) : Promise.resolve();
  }

  private async measured<T>(work: () => T | Promise<T>): Promise<T> {
    const startedAt = this.clock.now();
    try {
      return await work();
    } finally {
      const now = this.clock.now();
      this.debtFreeAt = Math.max(this.debtFreeAt, now) + PAUSE_PER_WORK * (now - startedAt);
    }
  }
}
