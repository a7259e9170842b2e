import { msWords } from './picture.ts';
import type { Tally } from './tally.ts';

const GOOD = 0;
const BAD = 1;
/** What the caller must have seen for the demo to have shown what it claims. */
const LEAST_SUCCESS = 0.999;

export interface Verdict {
  /** Of the process. */
  readonly code: number;
  /** The last one is for machines too and keeps its form. */
  readonly lines: readonly string[];
}

export interface WebCounts {
  readonly retries: number;
  readonly trips: number;
}

/** The caller's word decides; what web's sidecar counted only explains it. */
export function verdict(tally: Tally, web: WebCounts): Verdict {
  const { sent, failed, successRatio, latencies, reasons } = tally;
  const isGood = sent > 0 && successRatio >= LEAST_SUCCESS;
  const percent = (Math.floor(successRatio * 100_000) / 1_000).toFixed(3);
  const spread = `p50 ${msWords(latencies.quantile(0.5))}, p99 ${msWords(latencies.quantile(0.99))}`;
  const lines = [
    `the caller saw ${percent} % success, ${spread}`,
    ...(failed === 0 ? [] : [`what failed: ${reasons}`]),
    'to look around: --seconds 600, and meanwhile the status command that is printed at its start',
    ...(isGood ? [] : [`that is less than the ${LEAST_SUCCESS * 100} % the demo promises, so it exits with 1`]),
    `${sent} requests, ${failed} failed, ${web.retries} retried, ${web.trips} breaker trips`,
  ];
  return { code: isGood ? GOOD : BAD, lines };
}
