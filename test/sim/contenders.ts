import { optionsOf } from '../../src/agent/followed-cluster.ts';
import { BALANCER_NAMES, type ClusterOptions } from '../../src/cluster/options.ts';
import { upstreamOf } from '../../src/config/build.ts';
import { upstreamSection } from '../../src/config/sections/upstream.ts';

/** One algorithm, set up as a configuration says it: what is simulated is what an operator gets. */
export interface Contender {
  readonly name: string;
  readonly options: ClusterOptions;
}

/** Other ways to set up an algorithm that deserve a row of their own, as keys of an upstream. */
const VARIANTS: Readonly<Record<string, object>> = {
  'least_request of all': { balancer: 'least_request', leastRequest: { selection: 'full_scan' } },
  'ring_hash as Envoy': { balancer: 'ring_hash', ring: { sizing: 'envoy' } },
  'ring_hash, bounded': { balancer: 'ring_hash', boundedLoad: 1.25 },
  'maglev, bounded': { balancer: 'maglev', boundedLoad: 1.25 },
  'round_robin, slow start': { balancer: 'round_robin', slowStart: { window: '10s' } },
};

/** Every algorithm there is, and the variants. */
export function contenders(): Contender[] {
  const plain = BALANCER_NAMES.map((name) => [name, { balancer: name }] as const);
  return [...plain, ...Object.entries(VARIANTS)].map(([name, keys]) => contender(name, keys));
}

/** `keys` are those of an upstream: `{ balancer: 'round_robin', breaker: { consecutiveFailures: 0 } }`. */
export function contender(name: string, keys: object): Contender {
  return { name, options: optionsOf(upstreamOf('orders', upstreamSection.parse(keys)), null) };
}
