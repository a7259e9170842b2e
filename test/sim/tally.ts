/** Buckets of times in a doubling; neighbours differ by 4 %. */
const PER_DOUBLING = 16;
const SHORTEST_MS = 1 / 64;
const BUCKETS = 24 * PER_DOUBLING;

/** What servers got and callers saw, second by second. Spans are from a second (included) to another (excluded). */
export class Tally {
  /** Requests that callers could send nowhere. */
  readonly refused: Uint32Array;
  private readonly requests: Uint32Array;
  private readonly failures: Uint32Array;
  /** How many good answers took how long. */
  private readonly times: Uint32Array;

  constructor(
    readonly servers: number,
    readonly seconds: number,
  ) {
    this.requests = new Uint32Array(servers * seconds);
    this.failures = new Uint32Array(servers * seconds);
    this.refused = new Uint32Array(seconds);
    this.times = new Uint32Array(seconds * BUCKETS);
  }

  countRequest(server: number, second: number, fails: boolean): void {
    this.requests[second * this.servers + server]! += 1;
    if (fails) this.failures[second * this.servers + server]! += 1;
  }

  /** Of a good answer to a request that was sent in this second. */
  countTime(ms: number, second: number): void {
    const bucket = Math.floor(Math.log2(ms / SHORTEST_MS) * PER_DOUBLING);
    this.times[second * BUCKETS + Math.min(BUCKETS - 1, Math.max(0, bucket))]! += 1;
  }

  requestsTo(server: number, from: number, to: number): number {
    return this.sum(this.requests, server, from, to);
  }

  failuresOf(server: number, from: number, to: number): number {
    return this.sum(this.failures, server, from, to);
  }

  refusedIn(from: number, to: number): number {
    return total(this.refused.subarray(from, to));
  }

  /** Of all servers. */
  requestsIn(from: number, to: number): number {
    return total(this.requests.subarray(from * this.servers, to * this.servers));
  }

  failuresIn(from: number, to: number): number {
    return total(this.failures.subarray(from * this.servers, to * this.servers));
  }

  /** The time that this share of the good answers took at most, in ms; null when there were none. */
  quantile(share: number, from: number, to: number): number | null {
    const counts = new Float64Array(BUCKETS);
    for (let i = from * BUCKETS; i < to * BUCKETS; i++) counts[i % BUCKETS]! += this.times[i]!;
    let left = total(counts) * share;
    if (left === 0) return null;
    const bucket = counts.findIndex((count) => (left -= count) <= 0);
    return SHORTEST_MS * 2 ** ((bucket + 1) / PER_DOUBLING);
  }

  private sum(counts: Uint32Array, server: number, from: number, to: number): number {
    let sum = 0;
    for (let second = from; second < to; second++) sum += counts[second * this.servers + server]!;
    return sum;
  }
}

function total(counts: Uint32Array | Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
