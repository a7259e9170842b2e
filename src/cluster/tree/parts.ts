import type { Endpoint } from '../endpoint.ts';
import type { Level } from './levels.ts';
import type { ZoneOptions } from './options.ts';
import { byZone, splitByZone } from './zones.ts';

/** A zone of a level, as operators see it. */
export interface Part {
  readonly level: number;
  readonly zone: string | null;
  readonly healthy: number;
  readonly total: number;
  /** Of the cluster's traffic, in percent, as the tree means to send it; circuits are not looked at. */
  readonly share: number;
  readonly isPanic: boolean;
}

/** Every zone of every level, in order. */
export function partsOf(
  endpoints: Iterable<Endpoint>,
  levels: readonly Level[],
  zones: ZoneOptions | null,
): readonly Part[] {
  const counts = countsOf(endpoints);
  return levels.flatMap(({ priority, members, load, isPanic }) => {
    const split = priority === 0 && !isPanic && zones !== null ? splitByZone(members, zones) : null;
    const shares = new Map((split ?? byZone(members)).map(({ name, share }) => [name, share]));
    return [...(counts.get(priority) ?? [])].map(([zone, { healthy, total }]) => {
      const share = Math.round(load * (shares.get(zone) ?? 0) * 10) / 10;
      return { level: priority, zone, healthy, total, share, isPanic };
    });
  });
}

interface Count {
  healthy: number;
  total: number;
}

/** By level and zone; zones in order. */
function countsOf(endpoints: Iterable<Endpoint>): ReadonlyMap<number, ReadonlyMap<string | null, Count>> {
  const counts = new Map<number, Map<string | null, Count>>();
  const inOrder = [...endpoints].sort((a, b) => ((a.spec.zone ?? '') < (b.spec.zone ?? '') ? -1 : 1));
  for (const { spec, isHealthy } of inOrder) {
    const level = counts.get(spec.priority) ?? new Map<string | null, Count>();
    const count = level.get(spec.zone) ?? { healthy: 0, total: 0 };
    count.total += 1;
    if (isHealthy) count.healthy += 1;
    level.set(spec.zone, count);
    counts.set(spec.priority, level);
  }
  return counts;
}
