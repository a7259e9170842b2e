/** One request of a client. Instants are ms of one clock. */
export interface Asked {
  readonly id: string;
  readonly sentAt: number;
  /** From its sending to the end of its answer. */
  readonly tookMs: number;
}

/** One request as an endpoint saw it come. */
export interface Attempted {
  readonly id: string;
  readonly at: number;
  /** Which attempt of its exchange it was, as it said itself. */
  readonly ordinal: number;
}

export interface Allowance {
  readonly ratio: number;
  readonly perSecond: number;
  readonly windowMs: number;
}

/** A retry may add a fifth to a load, and ten a second so that a quiet service can be retried at all. */
export const ALLOWANCE: Allowance = { ratio: 1.2, perSecond: 10, windowMs: 10_000 };

/**
 * The law of retries: within any stretch of `windowMs`, endpoints see at most `ratio` x the requests of it + `perSecond` x
 * its seconds. Answers the most that any stretch is above that; at most 0 while the law is kept.
 *
 * What a stretch holds changes only where an event comes in or falls out of it, so it is enough to look once between any
 * two such instants: at each event, and a window before each.
 */
export function excessOf(
  requests: readonly number[],
  attempts: readonly number[],
  { ratio, perSecond, windowMs }: Allowance = ALLOWANCE,
): number {
  const [asked, attempted] = [sorted(requests), sorted(attempts)];
  const reserve = (perSecond * windowMs) / 1000;
  let most = Number.NEGATIVE_INFINITY;
  // A stretch has its first instant and not its last, so it is another one just after an event.
  for (const at of [...asked, ...attempted]) {
    for (const from of [at, justAfter(at), at - windowMs, justAfter(at - windowMs)]) {
      const to = from + windowMs;
      const excess = countIn(attempted, from, to) - ratio * countIn(asked, from, to) - reserve;
      if (excess > most) most = excess;
    }
  }
  return most;
}

/** What endpoints saw of the requests that are known. */
export interface Account {
  /** Attempts, those sent again for the first time left out. */
  readonly attempts: number;
  /** Attempts over requests. */
  readonly ratio: number;
  /** The most that any ten seconds were above the law; at most 0 while it is kept. */
  readonly excess: number;
  /** Sent again because the connection had been dying: the same attempt, seen twice. */
  readonly resent: number;
  /** The most of those that one exchange had. */
  readonly mostResent: number;
  /** Ids that endpoints saw more than once. */
  readonly repeated: readonly string[];
}

/**
 * The first attempt of a request counts for when that was made: the two belong together, however long an endpoint takes to
 * look at it. A frozen endpoint reads what it was sent when it wakes; but any attempt was sent before its exchange was over,
 * and that is when a later one counts at the latest.
 */
export function accountOf(asked: readonly Asked[], attempted: readonly Attempted[], allowance = ALLOWANCE): Account {
  const known = new Map(asked.map((one) => [one.id, one]));
  const seen = new Map<string, Set<number>>();
  const resent = new Map<string, number>();
  const counted: number[] = [];
  const times = new Map<string, number>();
  for (const { id, at, ordinal } of attempted) {
    const request = known.get(id);
    if (request === undefined) continue;
    times.set(id, (times.get(id) ?? 0) + 1);
    const ordinals = seen.get(id) ?? new Set<number>();
    seen.set(id, ordinals);
    if (ordinals.has(ordinal)) resent.set(id, (resent.get(id) ?? 0) + 1);
    else counted.push(ordinal === 1 ? request.sentAt : Math.min(at, request.sentAt + request.tookMs));
    ordinals.add(ordinal);
  }
  const sent = asked.map(({ sentAt }) => sentAt);
  return {
    attempts: counted.length,
    ratio: counted.length / Math.max(1, asked.length),
    excess: excessOf(sent, counted, allowance),
    resent: [...resent.values()].reduce((sum, count) => sum + count, 0),
    mostResent: Math.max(0, ...resent.values()),
    repeated: [...times].filter(([, count]) => count > 1).map(([id]) => id),
  };
}

function sorted(times: readonly number[]): Float64Array {
  return Float64Array.from(times).sort();
}

function countIn(times: Float64Array, from: number, to: number): number {
  return firstFrom(times, to) - firstFrom(times, from);
}

/** How many are before `at`. */
function firstFrom(times: Float64Array, at: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Events are not nearer to each other than what a clock tells apart. */
function justAfter(at: number): number {
  return at + 1e-6;
}
