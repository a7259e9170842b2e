import type { AdaptiveOptions } from '../policy/adaptive-options.ts';
import type { CriticalityOptions } from '../policy/criticality-rule.ts';
import { DEFAULT_LIMITS, type LimitOptions } from '../policy/options.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenCapacity = Pick<Written['upstreams'][string], 'limits' | 'adaptive' | 'criticality'>;

interface CapacityOptions {
  readonly adaptive: AdaptiveOptions;
  readonly criticality: CriticalityOptions;
}

export function capacityOf({ adaptive, criticality }: WrittenCapacity): CapacityOptions {
  const { mode, algorithm, min, max, initial, gradient2, aimd, shares } = adaptive;
  const { window: windowMs, ...rest } = gradient2;
  return {
    adaptive: {
      mode,
      law: {
        algorithm,
        min,
        max,
        initial,
        gradient2: { windowMs, ...rest },
        aimd: { backoffRatio: aimd.backoff, timeoutMs: aimd.timeout },
      },
      shares: { critical: shares.critical, sheddable_plus: shares.sheddablePlus, sheddable: shares.sheddable },
    },
    criticality: { ...criticality, header: criticality.header.toLowerCase() },
  };
}

export function placeLimitsOf({
  limits: { maxRequests, maxPending, pendingTimeout, maxConnections },
}: Pick<WrittenCapacity, 'limits'>): Pick<LimitOptions, 'maxPending' | 'pendingTimeoutMs' | 'maxConnections'> {
  return {
    maxPending,
    pendingTimeoutMs: pendingTimeout,
    maxConnections: maxConnections ?? Math.max(DEFAULT_LIMITS.maxConnections, maxRequests),
  };
}

/** The way back, in the words of the file. What its algorithm does not know is not said. */
export function encodeCapacity({ adaptive, criticality }: CapacityOptions): object {
  const { mode, law, shares } = adaptive;
  const { algorithm, min, max, initial, gradient2, aimd } = law;
  const { windowMs, ...rest } = gradient2;
  return {
    adaptive: {
      mode,
      algorithm,
      min,
      max,
      initial,
      gradient2: algorithm === 'gradient2' ? { window: formatDuration(windowMs), ...rest } : null,
      aimd: algorithm === 'aimd' ? { backoff: aimd.backoffRatio, timeout: formatDuration(aimd.timeoutMs) } : null,
      shares: { critical: shares.critical, sheddablePlus: shares.sheddable_plus, sheddable: shares.sheddable },
    },
    criticality,
  };
}

export function encodePlaceLimits({ maxPending, pendingTimeoutMs, maxConnections }: LimitOptions): object {
  // A wait that nobody has would be refused when it is read back.
  const pendingTimeout = maxPending === 0 ? null : formatDuration(pendingTimeoutMs);
  return { maxPending, pendingTimeout, maxConnections };
}
