import type { Conduct } from './conduct.ts';
import type {
  Detector,
  EjectionOptions,
  FailurePercentageOptions,
  LatencyOptions,
  SuccessRateOptions,
} from './options.ts';

/** What somebody was found out by, in numbers; for operators. */
export type Figures = Readonly<Record<string, number>>;

/** One peer that is unlike the others. `excess` says how much, to begin with the worst. */
export interface Judgement {
  readonly index: number;
  readonly detector: Detector;
  readonly excess: number;
  readonly figures: Figures;
}

/**
 * Who of a group of peers is unlike the others by what they did within an interval, the worst of each kind first. Pure:
 * what becomes of them is somebody else's decision.
 */
export function judge(peers: readonly Conduct[], options: EjectionOptions): readonly Judgement[] {
  const { successRate, failurePercentage, latency } = options;
  return [
    ...(successRate.mode === 'off' ? [] : bySuccessRate(peers, successRate)),
    ...(failurePercentage.mode === 'off' ? [] : byFailures(peers, failurePercentage)),
    ...(latency.mode === 'off' ? [] : byLatency(peers, latency)),
  ];
}

/** What takes longer than this would be too slow among them; infinite where there is nothing to compare with. */
export function slowMsOf(peers: readonly Conduct[], options: LatencyOptions): number {
  const seen = mediansOf(peers, options);
  return seen.length < options.minHosts ? Number.POSITIVE_INFINITY : limitOf(medianBut(seen, seen.length), options);
}

/**
 * Envoy's rule, of the rates of those who had enough requests. The furthest that one of n can be from the mean is
 * sqrt(n - 1) deviations, so that with a factor of 1.9 it takes five to find one.
 */
function bySuccessRate(peers: readonly Conduct[], options: SuccessRateOptions): Judgement[] {
  const seen = enough(peers, options.minRequests);
  if (seen.length < options.minHosts) return [];
  const rates = seen.map(({ conduct }) => conduct.successes / conduct.requests);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  const limit = Math.min(mean - options.factor * Math.sqrt(variance), mean - options.margin);
  return worstFirst(
    seen.flatMap(({ conduct, index }, i) => {
      const rate = rates[i]!;
      if (rate >= limit) return [];
      const figures = { rate: rounded(rate), mean: rounded(mean), limit: rounded(limit), requests: conduct.requests };
      return [{ index, detector: 'success_rate', excess: limit - rate, figures }];
    }),
  );
}

function byFailures(peers: readonly Conduct[], options: FailurePercentageOptions): Judgement[] {
  const seen = enough(peers, options.minRequests);
  if (seen.length < options.minHosts) return [];
  return worstFirst(
    seen.flatMap(({ conduct, index }) => {
      const share = 1 - conduct.successes / conduct.requests;
      if (share < options.share) return [];
      const figures = { failed: rounded(share), limit: options.share, requests: conduct.requests };
      return [{ index, detector: 'failure_percentage', excess: share, figures }];
    }),
  );
}

/** Each against the others: with itself among them, one of three would move what it is compared with. */
function byLatency(peers: readonly Conduct[], options: LatencyOptions): Judgement[] {
  const seen = mediansOf(peers, options);
  if (seen.length < options.minHosts) return [];
  return worstFirst(
    seen.flatMap(({ index, count, median }, rank) => {
      const others = medianBut(seen, rank);
      const limit = limitOf(others, options);
      if (median <= limit) return [];
      const figures = { medianMs: rounded(median), peersMs: rounded(others), limitMs: rounded(limit), requests: count };
      return [{ index, detector: 'latency', excess: median, figures }];
    }),
  );
}

function limitOf(peersMs: number, { factor, floorMs }: LatencyOptions): number {
  return Math.max(peersMs * factor, peersMs + floorMs);
}

function enough(peers: readonly Conduct[], least: number): { readonly conduct: Conduct; readonly index: number }[] {
  return peers.map((conduct, index) => ({ conduct, index })).filter(({ conduct }) => conduct.requests >= least);
}

interface Timed {
  readonly index: number;
  readonly count: number;
  readonly median: number;
}

/** Of those who had enough requests, the fastest first. */
function mediansOf(peers: readonly Conduct[], { minRequests }: LatencyOptions): readonly Timed[] {
  const seen: Timed[] = [];
  peers.forEach(({ latency }, index) => {
    if (latency.count >= minRequests) seen.push({ index, count: latency.count, median: latency.median() });
  });
  return seen.sort((a, b) => a.median - b.median);
}

/** The median of all but the one at that rank, without sorting anew for each of them. */
function medianBut(sorted: readonly Timed[], rank: number): number {
  const n = sorted.length - (rank < sorted.length ? 1 : 0);
  const at = (k: number): number => sorted[k < rank ? k : k + 1]!.median;
  return n % 2 === 1 ? at(n >> 1) : (at(n / 2 - 1) + at(n / 2)) / 2;
}

function worstFirst(judgements: Judgement[]): Judgement[] {
  return judgements.sort((a, b) => b.excess - a.excess);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
