import type { Result } from '../e2e/load.ts';
import { type Attempted, accountOf } from '../support/attempt-law.ts';

/** All instants are of one clock. */
export interface Span {
  /** Where the warm-up ended. */
  readonly from: number;
  readonly faultAt: number;
  readonly endAt: number;
  /** Names of the servers that had the fault, of so many. */
  readonly victims: readonly string[];
  readonly servers: number;
}

/** What a run of any kind comes to: numbers, of which more is worse, and words. */
export interface Run {
  readonly [figure: string]: number | readonly string[] | string;
}

const WINDOW_MS = 250;
const SHARE_WINDOW_MS = 1000;
const SHARE_STEP_MS = 100;
const NEAR_FAIR = 0.2;

/** What one run with a fault comes to. */
export function figures(
  results: readonly Result[],
  attempted: readonly Attempted[],
  { from, faultAt, endAt, victims, servers }: Span,
) {
  const counted = results.filter(({ sentAt }) => sentAt >= from);
  const account = accountOf(results, attempted);
  const times = sortedTimes(counted);
  const calm = sortedTimes(counted.filter(({ sentAt }) => sentAt < faultAt - WINDOW_MS));
  const limitMs = Math.max(1.5 * percentile(calm, 0.99), percentile(calm, 0.99) + 10);
  const bad = badWindows(counted, limitMs);
  const retried = new Set(attempted.filter(({ ordinal }) => ordinal > 1).map(({ id }) => id));
  return {
    requests: counted.length,
    failed: counted.filter(isFailed).length,
    retried: counted.filter(({ id }) => retried.has(id)).length,
    attempts: account.ratio,
    excess: account.excess,
    resent: account.resent,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: times.at(-1) ?? 0,
    hurtMs: lastAfter(bad, faultAt, endAt),
    // The window in which the fault ends still belongs to it.
    returnMs: lastAfter(bad, Math.ceil(endAt / WINDOW_MS) * WINDOW_MS, Number.POSITIVE_INFINITY),
    ...recovery(results, endAt, victims, servers),
    problems: counted.filter(isFailed).map(({ status, failure }) => `${status} ${failure || 'by the endpoint'}`),
  };
}

/** The worst of several runs, figure by figure. */
export function worst(runs: readonly Run[]) {
  const keys = Object.keys(runs[0]!).filter((key) => typeof runs[0]![key] === 'number');
  const result = Object.fromEntries(keys.map((key) => [key, Math.max(...runs.map((run) => Number(run[key])))]));
  return {
    ...result,
    problems: tally(runs.flatMap((run) => run['problems'] as readonly string[])),
    remarks: [...new Set(runs.flatMap((run) => run['remark'] as readonly string[]))],
  };
}

/**
 * Seconds from the end of the fault to the first good answer of a victim, and to the first second in which each had its
 * share but for a fifth of it. Infinite where that never came.
 */
export function recovery(results: readonly Result[], endAt: number, victims: readonly string[], servers: number) {
  if (victims.length === 0) return { firstS: 0, fairS: 0 };
  const good = results.filter((result) => !isFailed(result) && result.sentAt >= endAt);
  const theirs = good.filter(({ origin }) => victims.includes(origin));
  const first = Math.min(...theirs.map(({ sentAt, tookMs }) => sentAt + tookMs));
  const last = Math.max(...good.map(({ sentAt }) => sentAt)) - SHARE_WINDOW_MS;
  let fair = Number.POSITIVE_INFINITY;
  for (let at = endAt; at <= last && fair === Number.POSITIVE_INFINITY; at += SHARE_STEP_MS) {
    const then = good.filter(({ sentAt }) => sentAt >= at && sentAt < at + SHARE_WINDOW_MS);
    const isFair = (name: string): boolean => {
      const share = (then.filter(({ origin }) => origin === name).length / then.length) * servers;
      return Math.abs(share - 1) <= NEAR_FAIR;
    };
    if (then.length > 0 && victims.every(isFair)) fair = at;
  }
  return { firstS: (first - endAt) / 1000, fairS: (fair - endAt) / 1000 };
}

function isFailed({ status }: Result): boolean {
  return status !== 200;
}

/** Ends of the windows in which a request failed or more than one in twenty was slower than in quiet times. */
function badWindows(results: readonly Result[], limitMs: number): number[] {
  const windows = Map.groupBy(results, ({ sentAt }) => Math.floor(sentAt / WINDOW_MS));
  return [...windows]
    .filter(([, list]) => list.some(isFailed) || percentile(sortedTimes(list), 0.95) > limitMs)
    .map(([index]) => (index + 1) * WINDOW_MS);
}

/** How long after `from` the last bad window before `to` ended; 0 when there was none. */
function lastAfter(bad: readonly number[], from: number, to: number): number {
  const within = bad.filter((end) => end > from && end - WINDOW_MS < to);
  return within.length === 0 ? 0 : Math.max(...within) - from;
}

export function sortedTimes(results: readonly Result[]): number[] {
  return results.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function tally(words: readonly string[]): string[] {
  return [...Map.groupBy(words, (word) => word)].map(([word, list]) => `${list.length} x ${word}`);
}
