/** What comes is taken in order, whichever is first: the thing or who waits for it. */
export class Inbox<T> {
  private readonly things: T[] = [];
  private readonly takers: ((thing: T) => void)[] = [];

  put(thing: T): void {
    const taker = this.takers.shift();
    if (taker === undefined) this.things.push(thing);
    else taker(thing);
  }

  take(): Promise<T> {
    if (this.things.length > 0) return Promise.resolve(this.things.shift()!);
    return new Promise((resolve) => this.takers.push(resolve));
  }
}
