import { overload } from '../e2e/overload.ts';
import { acceptedOf } from '../support/accepted.mjs';
import { percentile, sortedTimes } from './figures.ts';

const PLACES = 20;

/** What an upstream can be told to do about it. */
export const OVERLOADS = [
  { name: 'over-bare', title: 'offered three times what it can do, and nothing is set', orders: {} },
  { name: 'over-limit', title: 'the same with a limit', orders: { limits: { maxRequests: PLACES } } },
  {
    name: 'over-line',
    title: 'the same with a limit and a line before it',
    orders: { limits: { maxRequests: PLACES, maxPending: 100, pendingTimeout: '100ms' } },
  },
];

export async function runOverload(_bench, { orders }, { seconds }) {
  const { refused } = acceptedOf([{ upstreams: { orders } }]);
  if (refused.length > 0) return nothing(refused);
  const { results, good, goodput, longestWaitMs, longestLine, unsent } = await overload(PLACES, orders, seconds * 1000);
  const times = sortedTimes(good);
  const failures = results.filter(({ status }) => status !== 200).map(({ status, failure }) => `${status} ${failure}`);
  return {
    requests: results.length,
    // Less is worse, and the worst of several runs is the most.
    lessGood: -goodput,
    refused: failures.length,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    longestWait: longestWaitMs,
    unsent,
    problems: failures,
    remark: [`longest line at the endpoint itself: ${longestLine}`],
  };
}

function nothing(refused) {
  const figures = { requests: 0, lessGood: 0, refused: 0, p50: 0, p99: 0, longestWait: 0, unsent: 0 };
  return { ...figures, problems: [], remark: refused.map((line) => `not known to this build: ${line}`) };
}
