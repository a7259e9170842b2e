import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/cluster/cluster.ts';
import type { Endpoint } from '../../src/cluster/endpoint.ts';
import { SHARING_BALANCERS } from '../../src/cluster/options.ts';
import { FieldList } from '../../src/http/fields.ts';
import { contenders } from '../sim/contenders.ts';
import { KEYS, makeCluster, setKey, specOf } from '../sim/simulation.ts';
import { allocatedPer } from '../support/allocated.ts';
import { evidence } from '../support/evidence.ts';
import { pickContext } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The smallest thing on the heap takes 12 bytes; a deoptimised moment is spread over ten thousand picks. */
const NOTHING = 1;
const ENDPOINTS = 60;
/** Attempts that are under way at any time. */
const RUNNING = 32;
const START_MS = 1_000;
/** Longer than a run. */
const SLOW_START = { windowMs: 3_600_000, aggression: 2, minWeight: 0.1 };

/** What may be otherwise from one cluster to the next, and ask another part of a picker. */
interface Case {
  readonly title: string;
  readonly weight: (index: number) => number;
  /** How many endpoints come later than the others, and slowly. */
  readonly cold: number;
  readonly tried: number;
  readonly hasKey: boolean;
}

const PLAIN: Case = { title: 'of equal weight', weight: () => 1, cold: 0, tried: 0, hasKey: true };
const CASES: readonly Case[] = [
  PLAIN,
  { ...PLAIN, title: 'of unequal weight', weight: (i) => 1 + (i % 7) },
  { ...PLAIN, title: 'of which some were tried', tried: 3 },
  { ...PLAIN, title: 'without a key', hasKey: false },
  { ...PLAIN, title: 'of which some start slowly', cold: 20 },
  { ...PLAIN, title: 'of unequal weight that all start slowly', weight: (i) => 1 + (i % 7), cold: ENDPOINTS },
];

describe.each(contenders())('$name', ({ optionsIn }) => {
  const options = optionsIn('a');
  const isSharing = SHARING_BALANCERS.includes(options.balancer.name);
  it.each(CASES.filter(({ cold }) => cold === 0 || isSharing))(
    'allocates nothing to pick among endpoints $title',
    (is) => {
      const clock = new ManualClock(START_MS);
      const slowStart = is.cold === 0 ? {} : { slowStart: SLOW_START };
      const cluster = makeCluster({ ...options, balancer: { ...options.balancer, ...slowStart } }, 1, clock);
      const specs = Array.from({ length: ENDPOINTS + 1 }, (_, i) => specOf(i, is.weight(i)));
      for (const count of [ENDPOINTS + 1 - is.cold, ENDPOINTS + 1]) {
        cluster.apply({ service: 'orders', endpoints: specs.slice(-count), source: 'test' });
      }
      letAnswer(cluster);
      const endpoints = [...cluster.endpoints];
      const context = pickContext({ now: 20_000, hasHash: is.hasKey, avoid: endpoints.slice(0, is.tried) });
      const running: Endpoint[] = endpoints.slice(0, RUNNING);
      for (const endpoint of running) endpoint.active += 1;
      const pick = (times: number): void => {
        for (let i = 0; i < times; i++) {
          setKey(context, i % KEYS);
          context.now += 0.01;
          const endpoint = cluster.pick(context)!;
          running[i % RUNNING]!.active -= 1;
          running[i % RUNNING] = endpoint;
          endpoint.active += 1;
        }
      };
      expect(allocatedPer(pick)).toBeLessThan(NOTHING);
    },
  );
});

/** Everyone has answered, each after another time, and has said twice what its load is: once before the blackout is over. */
function letAnswer(cluster: Cluster): void {
  let ms = 0;
  for (const endpoint of cluster.endpoints) {
    ms = 1 + ((ms + 3) % 7);
    endpoint.learn(evidence('success', { status: 200, startedAt: START_MS - ms / 3, firstByteAt: START_MS }), START_MS);
    const report = `TEXT cpu_utilization=0.${ms},rps_fractional=${100 + ms}`;
    for (const at of [START_MS, START_MS + 15_000]) {
      endpoint.reported?.read(new FieldList().add('endpoint-load-metrics', report), at);
    }
  }
}
