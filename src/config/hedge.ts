import { DEFAULT_HEDGE, type HedgeOptions } from '../policy/hedge.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenHedge = Written['upstreams'][string]['hedge'];

export function buildHedge(hedge: WrittenHedge): HedgeOptions | null {
  if (hedge === null) return null;
  const { delay, percentile, minDelay, maxExtraLoad, methods } = hedge;
  return {
    delayMs: delay,
    percentile: percentile ?? DEFAULT_HEDGE.percentile,
    minDelayMs: minDelay,
    maxExtraLoad,
    methods,
  };
}

/** The way back, in the words of the file. */
export function encodeHedge(hedge: HedgeOptions | null): object | null {
  if (hedge === null) return null;
  const { delayMs, percentile, minDelayMs, maxExtraLoad, methods } = hedge;
  return {
    delay: delayMs === null ? null : formatDuration(delayMs),
    percentile: delayMs === null ? percentile : null,
    minDelay: formatDuration(minDelayMs),
    maxExtraLoad,
    methods,
  };
}
