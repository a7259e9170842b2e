import type { Clock } from './clock.ts';
import { invariant } from './invariant.ts';

export type WatchListener<T> = (value: T) => void;

/**
 * A value that someone else keeps current. It is always the last good one: a source that fails says so in `problem`
 * and leaves the value standing.
 */
export interface Watch<T> {
  /** Null until the first good value. */
  readonly value: T | null;
  /** When a source last vouched for the value (monotonic ms), also when it had not changed; 0 before the first. */
  readonly freshAt: number;
  /** Why the value may be out of date, in words for an operator; null when it is not. */
  readonly problem: string | null;
  /** Called once at once when there is a value, then at every change. Returns the way to stop it. */
  subscribe(listener: WatchListener<T>): () => void;
}

/** The writing end of a `Watch`. */
export class Cell<T> implements Watch<T> {
  value: T | null;
  freshAt: number;
  problem: string | null = null;
  private readonly listeners = new Set<WatchListener<T>>();

  constructor(
    private readonly clock: Clock,
    first: T | null = null,
  ) {
    this.value = first;
    this.freshAt = first === null ? 0 : clock.now();
  }

  /** A good value. Listeners hear of it even when it is the same object. */
  set(value: T): void {
    invariant(value !== null, 'a watch holds a value or nothing');
    this.value = value;
    this.confirm();
    for (const listener of [...this.listeners]) listener(value);
  }

  /** The source still vouches for the value it gave before. */
  confirm(): void {
    this.freshAt = this.clock.now();
    this.problem = null;
  }

  fail(problem: string): void {
    this.problem = problem;
  }

  subscribe(listener: WatchListener<T>): () => void {
    this.listeners.add(listener);
    if (this.value !== null) listener(this.value);
    return () => this.listeners.delete(listener);
  }
}
