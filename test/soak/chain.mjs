import { setTimeout as delay } from 'node:timers/promises';
import { Chain } from '../e2e/chain.ts';
import { Load } from '../e2e/load.ts';
import { NO_BREAKER } from '../e2e/scene.ts';
import { percentile, sortedTimes } from './figures.ts';

const RATE = 500;
const WARM_UP_MS = 3000;

/** A circuit that opens hides what retries would do, so the chain is tried without breakers too. */
export const CHAINS = [
  { name: 'chain', title: 'four services in a row, the last always 503', next: {} },
  { name: 'chain-bare', title: 'the same without breakers', next: { breaker: NO_BREAKER } },
];

export async function runChain(_bench, { next }, { seconds, rate }) {
  const chain = await Chain.start(next);
  const load = new Load(chain.port, { perSecond: rate ?? RATE, maxOutstanding: 100_000 });
  await delay(WARM_UP_MS);
  const before = load.results.length;
  await chain.counts();
  const from = performance.now();
  await delay(seconds * 1000);
  const [first, second, third, bottom] = await chain.counts();
  const elapsed = (performance.now() - from) / 1000;
  const results = (await load.stop()).slice(before);
  await chain.close();
  const times = sortedTimes(results);
  return {
    requests: first,
    rate: first / elapsed,
    second: second / first,
    third: third / first,
    bottom: bottom / first,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    unsent: load.unsent,
    problems: results.map(({ status, failure }) => `${status} ${failure || 'by the endpoint'}`),
    remark: [],
  };
}
