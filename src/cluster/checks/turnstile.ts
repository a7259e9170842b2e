/** Somebody who wants to check, and is told when it may. */
export interface Waiter {
  onTurn(now: number): void;
}

/** What is checked in a process at once: a socket each at most, and a small part of a turn of the event loop. */
export const MAX_CHECKS_AT_ONCE = 64;

/**
 * Bounds how many checks of the process are on their way at once.
 *
 * Upstreams take turns, each with its waiters in the order in which they came: ten thousand endpoints of one upstream
 * that all run into their timeouts must not keep the three of another from being checked. Nobody waits twice, so there
 * are at most as many waiters as endpoints.
 */
export class Turnstile {
  inside = 0;
  /** In the order in which they are served next; none of them is empty. */
  private readonly lanes = new Map<object, Set<Waiter>>();

  constructor(private readonly room = MAX_CHECKS_AT_ONCE) {}

  get waiting(): number {
    let sum = 0;
    for (const lane of this.lanes.values()) sum += lane.size;
    return sum;
  }

  waitingIn(lane: object): number {
    return this.lanes.get(lane)?.size ?? 0;
  }

  /** `onTurn` comes at once, or when somebody has left. Every turn is ended by `leave`. */
  enter(lane: object, waiter: Waiter, now: number): void {
    if (this.inside < this.room) {
      this.inside += 1;
      return waiter.onTurn(now);
    }
    const line = this.lanes.get(lane);
    if (line === undefined) this.lanes.set(lane, new Set([waiter]));
    else line.add(waiter);
  }

  /** It wants its turn no more. Harmless when it does not wait. */
  forget(lane: object, waiter: Waiter): void {
    const line = this.lanes.get(lane);
    if (line?.delete(waiter) && line.size === 0) this.lanes.delete(lane);
  }

  leave(now: number): void {
    this.inside -= 1;
    const first = this.lanes.entries().next();
    if (first.done) return;
    const [lane, line] = first.value;
    const [waiter] = line as Set<Waiter>;
    line.delete(waiter!);
    this.lanes.delete(lane);
    if (line.size > 0) this.lanes.set(lane, line);
    this.inside += 1;
    waiter!.onTurn(now);
  }
}
