import { DURATION_BOUNDS_MS } from '../telemetry/instruments.ts';
import type { Traffic } from '../telemetry/traffic-tally.ts';
import type { Guard, VerdictKind } from './rollout.ts';
import { parseDuration } from './units.ts';

export interface Judgement {
  readonly kind: Exclude<VerdictKind, 'refused'>;
  readonly why: string;
}

/** Fewer requests say nothing, neither for a candidate nor against it. */
export const ENOUGH_REQUESTS = 100;

export const GUARD_WORDS = 'error_ratio<1%, or p50, p90 or p99 below a time, like p99<250ms';

const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 } as const;

/** Null: not a guard. */
export function parseGuard(text: string): Guard | null {
  const [, kind, bound] = /^(error_ratio|p50|p90|p99)<([0-9.]+(?:%|ms|s)?)$/.exec(text.replaceAll(' ', '')) ?? [];
  if (kind === undefined || bound === undefined) return null;
  const value = kind === 'error_ratio' ? ratioOf(bound) : parseDuration(bound);
  return value === null || !(value > 0) ? null : { kind: kind as Guard['kind'], bound: value };
}

export function formatGuard({ kind, bound }: Guard): string {
  return `${kind}<${kind === 'error_ratio' ? `${rounded(100 * bound)}%` : `${bound}ms`}`;
}

/**
 * What a candidate's own requests say of it, against those before it.
 *
 * Every guard allows a share of requests to be bad: those that failed, or those that took longer than the bound, of
 * which p99 allows one in a hundred. It is broken when the share is reached and larger than it was before, where before
 * there were requests enough to compare with. In the middle of the time that is said only when chance is no
 * explanation, two standard deviations beyond the share: who looks every second would otherwise see a bound of 1 %
 * broken by the first error of a hundred. At the end of the time it is said as it is.
 */
export function judge(guards: readonly Guard[], before: Traffic, during: Traffic, isOver: boolean): Judgement {
  const { requests } = during;
  if (requests < ENOUGH_REQUESTS) {
    return { kind: 'running', why: `${requests} requests, and fewer than ${ENOUGH_REQUESTS} say nothing` };
  }
  for (const guard of guards) {
    const allowed = requests * shareOf(guard);
    const bad = badOf(guard, during);
    const bound = isOver ? allowed : allowed + 2 * Math.sqrt(allowed * (1 - shareOf(guard)));
    if (bad > 0 && bad >= bound && isWorse(guard, before, bad / requests)) {
      return { kind: 'broken', why: wordsOf(guard, before, during) };
    }
  }
  const all = guards.map((guard) => seenOf(guard, during)).join(', ');
  return { kind: isOver ? 'passed' : 'running', why: `${all === '' ? '' : `${all} of `}${requests} requests` };
}

function isWorse(guard: Guard, before: Traffic, share: number): boolean {
  return before.requests < ENOUGH_REQUESTS || share > badOf(guard, before) / before.requests;
}

function shareOf({ kind, bound }: Guard): number {
  return kind === 'error_ratio' ? bound : 1 - QUANTILES[kind];
}

function badOf({ kind, bound }: Guard, traffic: Traffic): number {
  return kind === 'error_ratio' ? traffic.errors : slowerThan(bound, traffic.durations);
}

/** Durations are known by buckets; within one they are taken to lie evenly. */
function slowerThan(ms: number, durations: ArrayLike<number>): number {
  let slower = 0;
  for (let bucket = 0; bucket < durations.length; bucket++) {
    const from = DURATION_BOUNDS_MS[bucket - 1] ?? 0;
    const to = DURATION_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY;
    const share = from >= ms ? 1 : to <= ms ? 0 : to === Number.POSITIVE_INFINITY ? 1 : (to - ms) / (to - from);
    slower += share * durations[bucket]!;
  }
  return slower;
}

function quantile(share: number, durations: ArrayLike<number>): number {
  let left = share * Array.from(durations).reduce((sum, count) => sum + count, 0);
  for (let bucket = 0; bucket < DURATION_BOUNDS_MS.length; bucket++) {
    const count = durations[bucket]!;
    const from = DURATION_BOUNDS_MS[bucket - 1] ?? 0;
    if (count > 0 && left <= count) return from + (left / count) * (DURATION_BOUNDS_MS[bucket]! - from);
    left -= count;
  }
  return DURATION_BOUNDS_MS.at(-1)!;
}

/** `error_ratio 3.2 % of 210 requests, over 1 % (0.1 % of 400 before)` */
function wordsOf(guard: Guard, before: Traffic, during: Traffic): string {
  const bound = guard.kind === 'error_ratio' ? `${rounded(100 * guard.bound)} %` : `${guard.bound} ms`;
  const then =
    before.requests < ENOUGH_REQUESTS
      ? `only ${before.requests} requests before to compare with`
      : `${amountOf(guard, before)} of ${before.requests} before`;
  return `${seenOf(guard, during)} of ${during.requests} requests, not below ${bound} (${then})`;
}

function seenOf(guard: Guard, traffic: Traffic): string {
  return `${guard.kind} ${amountOf(guard, traffic)}`;
}

function amountOf({ kind }: Guard, traffic: Traffic): string {
  if (kind === 'error_ratio') return `${rounded((100 * traffic.errors) / traffic.requests)} %`;
  return `${rounded(quantile(QUANTILES[kind], traffic.durations))} ms`;
}

function ratioOf(text: string): number | null {
  const amount = Number(text.endsWith('%') ? text.slice(0, -1) : text) / (text.endsWith('%') ? 100 : 1);
  return Number.isFinite(amount) && amount < 1 ? amount : null;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
