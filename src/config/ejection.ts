import { isHashing } from '../cluster/hashing-options.ts';
import type { DetectorMode, EjectionOptions } from '../policy/outlier/options.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];

/** No detector does more than all of them together may do. */
export function buildEjection({ ejection, balance: balancer }: WrittenUpstream): EjectionOptions {
  const { interval, base, max, jitter, maxShare, successRate, latency } = ejection;
  const atMost = <T extends { readonly mode: DetectorMode }>(rule: T): T => ({
    ...rule,
    mode: lesser(ejection.mode, rule.mode),
  });
  const { floor: floorMs, ...rest } = latency;
  const compared = isHashing(balancer) ? 'observe' : 'enforce';
  return {
    intervalMs: interval,
    baseMs: base,
    maxMs: max,
    jitterMs: jitter,
    maxShare,
    consecutive5xx: atMost(ejection.consecutive5xx),
    consecutiveGateway: atMost(ejection.consecutiveGateway),
    consecutiveLocal: atMost(ejection.consecutiveLocal),
    successRate: atMost({ ...successRate, mode: successRate.mode ?? compared }),
    failurePercentage: atMost(ejection.failurePercentage),
    latency: atMost({ ...rest, mode: latency.mode ?? compared, floorMs }),
  };
}

/** The way back, in the words of the file. */
export function encodeEjection({ intervalMs, baseMs, maxMs, jitterMs, latency, ...rest }: EjectionOptions): object {
  const { floorMs, ...compared } = latency;
  return {
    ...rest,
    interval: formatDuration(intervalMs),
    base: formatDuration(baseMs),
    max: formatDuration(maxMs),
    jitter: formatDuration(jitterMs),
    latency: { ...compared, floor: formatDuration(floorMs) },
  };
}

export function lesser(a: DetectorMode, b: DetectorMode): DetectorMode {
  if (a === 'off' || b === 'off') return 'off';
  return a === 'observe' || b === 'observe' ? 'observe' : 'enforce';
}
