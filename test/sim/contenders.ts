import { optionsOf } from '../../src/agent/followed-cluster.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { BALANCER_NAMES, type ClusterOptions } from '../../src/cluster/options.ts';
import { upstreamOf } from '../../src/config/build.ts';
import { upstreamSection } from '../../src/config/sections/upstream.ts';

/** One algorithm, set up as a configuration says it: what is simulated is what an operator gets. */
export interface Contender {
  readonly name: string;
  /** For a sidecar in this zone. */
  optionsIn(zone: string): ClusterOptions;
}

/** Other ways to set up an algorithm that deserve a row of their own, as keys of an upstream. */
const VARIANTS: Readonly<Record<string, object>> = {
  'least_request of all': { balance: 'least_request', leastRequest: { selection: 'full_scan' } },
  'ring_hash as Envoy': { balance: 'ring_hash', ring: { sizing: 'envoy' } },
  'ring_hash, bounded': { balance: 'ring_hash', boundedLoad: 1.25 },
  'maglev, bounded': { balance: 'maglev', boundedLoad: 1.25 },
  'round_robin, slow start': { balance: 'round_robin', slowStart: { window: '10s' } },
};

/** These prefer their own zone. */
const ZONED: Readonly<Record<string, object>> = {
  'p2c_ewma in zones': { balance: 'p2c_ewma' },
  'round_robin in zones': { balance: 'round_robin' },
};

/** Every algorithm there is, and the variants. */
export function contenders(): Contender[] {
  const plain = BALANCER_NAMES.map((name) => contender(name, { balance: name }));
  const variants = Object.entries(VARIANTS).map(([name, keys]) => contender(name, keys));
  const zoned = Object.entries(ZONED).map(([name, keys]) => contender(name, keys, true));
  return [...plain, ...variants, ...zoned];
}

/** `keys` are those of an upstream: `{ balance: 'round_robin', breaker: { consecutiveFailures: 0 } }`. */
export function contender(name: string, keys: object, knowsZones = false): Contender {
  const config = upstreamOf('orders', upstreamSection.parse(keys));
  return {
    name,
    optionsIn: (zone) => optionsOf(config, knowsZones ? { zone, callers: null } : null, new SeededRandom(1)),
  };
}
