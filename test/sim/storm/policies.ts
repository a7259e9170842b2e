import { optionsOf } from '../../../src/agent/followed-cluster.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { ClusterOptions } from '../../../src/cluster/options.ts';
import { upstreamOf } from '../../../src/config/build.ts';
import { upstreamSection } from '../../../src/config/sections/upstream.ts';
import type { RetryOptions } from '../../../src/policy/options.ts';

/** How sidecars treat a service, set up as a configuration says it: what is simulated is what an operator gets. */
export interface Policy {
  readonly name: string;
  readonly cluster: ClusterOptions;
  readonly retry: RetryOptions;
}

const NO_BREAKER = { consecutiveFailures: 1_000_000, minimumRequests: 1_000_000 };
/** More than anybody asks for. */
const NO_BUDGET = { budget: { ratio: 1, minPerSecond: 100_000 } };
/** No reserve: a thousand sidecars that may each retry ten times a second are a load of ten thousand. */
const A_FIFTH = { budget: { ratio: 0.2, minPerSecond: 0 } };

export const NO_RETRIES = policy('no retries', { breaker: NO_BREAKER, retry: { maxAttempts: 1 } });
export const UNBOUND = policy('retries', { breaker: NO_BREAKER, retry: NO_BUDGET });
export const BUDGET = policy('retries in a budget', { breaker: NO_BREAKER, retry: A_FIFTH });
export const BREAKER = policy('retries and breakers', { retry: NO_BUDGET });
export const BOTH = policy('budget and breakers', { retry: A_FIFTH });
export const DEFAULTS = policy('as by default', {});

/** Without retries, so that what a cold server costs is seen. Round robin does not look at answers: that is slow start alone. */
const ONCE = { retry: { maxAttempts: 1 } };
export const AT_ONCE = policy('its share at once', { ...ONCE, balance: 'round_robin' });
export const SLOWLY = policy('slow start', { ...ONCE, balance: 'round_robin', slowStart: { window: '20s' } });
export const BY_LATENCY = policy('by latency', ONCE);
export const BY_LATENCY_SLOWLY = policy('both', { ...ONCE, slowStart: { window: '20s' } });

function policy(name: string, keys: object): Policy {
  const config = upstreamOf('orders', upstreamSection.parse(keys));
  return { name, cluster: optionsOf(config, null, new SeededRandom(1)), retry: config.retry };
}
