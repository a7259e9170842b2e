import { isDeepStrictEqual } from 'node:util';
import type { LensSpec } from '../cluster/lens.ts';
import type { Subset } from '../cluster/tree/subset.ts';
import type { UpstreamConfig } from '../config/config.ts';
import { type SubsetAt, subsetLens, subsetLensKey } from '../route/subset-lenses.ts';
import { targetsOf } from './question.ts';

/** The subsets of an upstream in a cluster of it. */
export interface SubsetParts {
  readonly lenses: readonly LensSpec[];
  /** The lens of each by its name; null for all of the cluster. */
  readonly keys: ReadonlyMap<string, string | null>;
  /** The lens of what names no subset; null for all of the cluster. */
  readonly home: string | null;
}

export const NO_SUBSETS: SubsetParts = { lenses: [], keys: new Map(), home: null };

/**
 * `apart`: the names of those that somebody asks for apart from the others. `asked`: the one that discovery was asked
 * for, null for all. Of the others nothing is known then: another question is on its way.
 */
export function subsetParts(config: UpstreamConfig, apart: readonly string[], asked: Subset | null): SubsetParts {
  const { subset: own, subsets } = config;
  const keys = new Map<string, string | null>();
  const lenses: LensSpec[] = [];
  if (own !== null) keys.set(own, null);
  for (const name of apart) {
    const subset = subsets[name]!;
    const isWhole = asked !== null && isDeepStrictEqual(asked, subset);
    keys.set(name, isWhole ? null : subsetLensKey(name, subset));
    if (isWhole) continue;
    const lens = subsetLens(name, subset, levelsOf(config, subset));
    const revision = JSON.stringify(config.failover);
    lenses.push(asked === null ? { ...lens, revision } : { ...lens, revision, isAwaited: true });
  }
  return { lenses, keys, home: own === null || asked !== null ? null : keys.get(own)! };
}

/**
 * A failover target is of the same subset, unless it names one, for which discovery is asked, or is another service,
 * whose endpoints are all meant. Of an upstream without targets the levels are its own.
 */
function levelsOf(config: UpstreamConfig, subset: Subset): SubsetAt {
  const targets = targetsOf(config);
  if (targets.length === 1) return () => subset;
  const byLevel = targets.map(({ subset: named, service }) => {
    const isOwn = service === null || service === config.service;
    return named === null && isOwn ? subset : null;
  });
  return (level) => byLevel[level] ?? null;
}
