import { afterAll, beforeAll, expect, it } from 'vitest';
import { Chain } from './chain.ts';
import { Load } from './load.ts';
import { NO_BREAKER } from './scene.ts';

const REQUESTS = 300;
/**
 * Nobody of the four has a circuit that opens, or retries would be seen for a moment only; and of a reserve just one a
 * second, since ten would be much of so small a load.
 */
const NEXT = { breaker: NO_BREAKER, retry: { budget: { minPerSecond: 1 } } };

let chain: Chain;

beforeAll(async () => {
  chain = await Chain.start(NEXT);
});

afterAll(() => chain.close());

it('retries of four sidecars in a row do not multiply, when the last service fails every request', async () => {
  const load = new Load(chain.port, { perSecond: 60, maxOutstanding: 10 * REQUESTS });
  await load.progress(REQUESTS);
  const results = await load.stop();
  const [first, ...onward] = await chain.counts();

  expect(results.every(({ status }) => status === 503)).toBe(true);
  expect(load.unsent).toBe(0);
  expect(first).toBe(results.length);
  expect(Math.min(...onward)).toBeGreaterThanOrEqual(results.length);
  expect(onward.at(-1)! / first!).toBeLessThanOrEqual(1.3);
});
