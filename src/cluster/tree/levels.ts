import type { Endpoint } from '../endpoint.ts';
import { bySize, cascade } from './cascade.ts';
import type { TreeOptions } from './options.ts';

/** An endpoint with what trees are built of: its spec may have been replaced when it is looked at again. */
export interface Member {
  readonly endpoint: Endpoint;
  readonly weight: number;
  readonly zone: string | null;
}

/** The endpoints of one priority. */
export interface Level {
  /** 0 is asked first. */
  readonly priority: number;
  /** Who may be picked. */
  readonly members: readonly Member[];
  /** In percent of all traffic. */
  readonly load: number;
  /** Too few are healthy to believe it, so that all but those in maintenance may be picked. */
  readonly isPanic: boolean;
}

/**
 * Orders endpoints by priority and says what traffic each level gets.
 *
 * Capacity that is in maintenance is capacity that is missing, so it counts in a level's total; nobody is picked from
 * it, not even in panic. Where nobody at all is healthy, who is critical stands in.
 */
export function levelsOf(endpoints: readonly Endpoint[], { overprovisioning, panic }: TreeOptions): readonly Level[] {
  const isLastResort = !endpoints.some(isHealthy);
  const groups = byPriority(endpoints);
  const used = groups.map(([, all]) => all.filter(isLastResort && panic === 0 ? isOpen : isHealthy));
  const standings = groups.map(([, all], i) => ({ total: all.length, usable: used[i]!.length }));
  const { loads, isShort } = cascade(standings, overprovisioning);
  const panics = standings.map(({ total, usable }) => isShort && usable / total < panic);
  const open = groups.map(([, all], i) => (panics[i] ? all.filter(isOpen) : used[i]!));
  const shares = panics.every((isPanic) => isPanic) ? bySize(open.map(({ length }) => length)) : loads;
  return groups.map(([priority], i) => ({
    priority,
    members: open[i]!.map(memberOf),
    load: shares[i]!,
    isPanic: panics[i]!,
  }));
}

/** Would the same tree be built of both? */
export function isSameLevels(a: readonly Level[], b: readonly Level[]): boolean {
  return a.length === b.length && a.every((level, i) => isSameLevel(level, b[i]!));
}

function isSameLevel(a: Level, b: Level): boolean {
  if (
    a.priority !== b.priority ||
    a.load !== b.load ||
    a.isPanic !== b.isPanic ||
    a.members.length !== b.members.length
  )
    return false;
  return a.members.every(({ endpoint, weight, zone }, i) => {
    const other = b.members[i]!;
    return endpoint === other.endpoint && weight === other.weight && zone === other.zone;
  });
}

function byPriority(endpoints: readonly Endpoint[]): readonly (readonly [number, readonly Endpoint[]])[] {
  const groups = new Map<number, Endpoint[]>();
  for (const endpoint of endpoints) {
    const group = groups.get(endpoint.spec.priority);
    if (group === undefined) groups.set(endpoint.spec.priority, [endpoint]);
    else group.push(endpoint);
  }
  return [...groups].sort(([a], [b]) => a - b);
}

function memberOf(endpoint: Endpoint): Member {
  return { endpoint, weight: endpoint.spec.weight, zone: endpoint.spec.zone };
}

function isHealthy(endpoint: Endpoint): boolean {
  return endpoint.isHealthy;
}

function isOpen({ spec }: Endpoint): boolean {
  return spec.health !== 'maintenance';
}

/** Is somebody used, and nobody of them well? */
export function usesOnlyCritical(levels: readonly Level[]): boolean {
  const members = levels.flatMap(({ members }) => members);
  return members.length > 0 && !members.some(({ endpoint }) => isHealthy(endpoint));
}
