import { describe, expect, it } from 'vitest';
import { BALANCER_NAMES } from '../../src/cluster/options.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { contender } from '../sim/contenders.ts';
import { KEYS, makeCluster, setKey, specOf } from '../sim/simulation.ts';
import { evidence } from '../support/evidence.ts';
import { pickContext } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ENDPOINTS = 3;
const EVERY_MS = 50;
const CALM_MS = 20_000;
/** Which of three a balancer by latency asks next is chance; and a probe may wait for a request of a key of its own. */
const CHANCE_MS = 2_000;

/** ms from the end of an outage of so long until the endpoint that had it serves again, everything set as by default. */
function backAfter(balance: string, outageMs: number): number {
  const clock = new ManualClock();
  const cluster = makeCluster(contender(balance, { balance }).optionsIn('a'), 1, clock);
  cluster.apply({
    service: 'orders',
    endpoints: Array.from({ length: ENDPOINTS }, (_, i) => specOf(i)),
    source: 'test',
  });
  const ill = [...cluster.endpoints][0]!;
  const context = pickContext({ hasHash: true });
  const [from, to] = [clock.now() + CALM_MS, clock.now() + CALM_MS + outageMs];
  for (let n = 0; ; n++) {
    clock.advance(EVERY_MS);
    const now = clock.now();
    if (now > to + 600_000) return Number.POSITIVE_INFINITY;
    setKey(context, n % KEYS);
    context.now = now;
    const endpoint = cluster.pick(context);
    if (endpoint === null) continue;
    if (endpoint === ill && now >= to) return now - to;
    const fails = endpoint === ill && now >= from;
    const times = { startedAt: now, sentAt: now, firstByteAt: now + 5 };
    const seen = evidence(fails ? 'failure' : 'success', { status: fails ? 503 : 200, ...times });
    endpoint.gate.settle(endpoint.gate.admit(now), seen, now + 5);
    endpoint.learn(seen, now + 5);
  }
}

describe.each(BALANCER_NAMES.filter((name) => name !== 'first'))(
  'with %s and everything else as by default',
  (balance) => {
    it.each([1_000, 10_000, 60_000, 600_000])(
      'an endpoint serves again within the longest cool-down of an outage of %i ms',
      (outageMs) => {
        const ms = backAfter(balance, outageMs);
        expect(ms).toBeLessThanOrEqual(DEFAULT_BREAKER.maxCoolDownMs + CHANCE_MS);
        // It doubles from the first on, so that short outages are over soon.
        expect(ms).toBeLessThanOrEqual(2 * outageMs + 2 * DEFAULT_BREAKER.coolDownMs + CHANCE_MS);
      },
    );
  },
);
