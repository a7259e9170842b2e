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

/** A `Watch` that keeps its value itself. Who extends it knows where that comes from, and how fresh it is. */
export abstract class KeptWatch<T> implements Watch<T> {
  value: T | null = null;
  abstract readonly freshAt: number;
  abstract readonly problem: string | null;
  private readonly listeners = new Set<WatchListener<T>>();

  subscribe(listener: WatchListener<T>): () => void {
    this.listeners.add(listener);
    if (this.value !== null) listener(this.value);
    return () => this.listeners.delete(listener);
  }

  /** Listeners hear of it even when it is the same object. */
  protected keep(value: T): void {
    this.value = value;
    for (const listener of [...this.listeners]) listener(value);
  }
}

/** The writing end of a `Watch`. */
export class Cell<T> extends KeptWatch<T> {
  freshAt: number;
  problem: string | null = null;

  constructor(
    private readonly clock: Clock,
    first: T | null = null,
  ) {
    super();
    this.value = first;
    this.freshAt = first === null ? 0 : clock.now();
  }

  /** A good value. */
  set(value: T): void {
    invariant(value !== null, 'a watch holds a value or nothing');
    this.confirm();
    this.keep(value);
  }

  /** The source still vouches for the value it gave before. */
  confirm(): void {
    this.freshAt = this.clock.now();
    this.problem = null;
  }

  fail(problem: string): void {
    this.problem = problem;
  }
}
