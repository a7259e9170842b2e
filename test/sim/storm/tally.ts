/** Second by second: what clients asked, what servers were asked, and what came of it in time. */
export class StormTally {
  readonly requests: Uint32Array;
  readonly attempts: Uint32Array;
  readonly goods: Uint32Array;
  private readonly longestMs: Float64Array;

  constructor(readonly seconds: number) {
    this.requests = new Uint32Array(seconds);
    this.attempts = new Uint32Array(seconds);
    this.goods = new Uint32Array(seconds);
    this.longestMs = new Float64Array(seconds);
  }

  count(what: 'requests' | 'attempts', second: number): void {
    const counts = this[what];
    if (second < this.seconds) counts[Math.floor(second)]! += 1;
  }

  /** Of a request that was asked in this second. */
  good(second: number, ms: number): void {
    const at = Math.floor(second);
    this.goods[at]! += 1;
    this.longestMs[at] = Math.max(this.longestMs[at]!, ms);
  }

  /** Attempts over requests. */
  amplification(from: number, to: number): number {
    return sum(this.attempts, from, to) / Math.max(1, sum(this.requests, from, to));
  }

  /** Share of the requests that were answered well. */
  goodShare(from: number, to: number): number {
    return sum(this.goods, from, to) / Math.max(1, sum(this.requests, from, to));
  }

  longest(from: number, to: number): number {
    return Math.max(0, ...this.longestMs.subarray(from, to));
  }
}

function sum(counts: Uint32Array, from: number, to: number): number {
  return counts.subarray(from, to).reduce((total, count) => total + count, 0);
}
