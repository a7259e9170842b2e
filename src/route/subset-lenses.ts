import type { LensSpec } from '../cluster/lens.ts';
import type { EndpointSpec } from '../cluster/snapshot.ts';
import { isIn, type Subset } from '../cluster/tree/subset.ts';

/** Which of its endpoints count at each level of an upstream, when a subset of it is meant. */
export type SubsetAt = (level: number) => Subset | null;

/** The endpoints of a subset, of every level. None of another stands in for them. */
export function subsetLens(name: string, subset: Subset, at: SubsetAt): LensSpec {
  return {
    key: subsetLensKey(name, subset),
    matches: (spec: EndpointSpec) => {
      const wanted = at(spec.priority);
      return wanted === null || isIn(wanted, spec);
    },
    otherwise: null,
    balancer: null,
  };
}

/** What it is told by belongs to the key: told by other tags, a subset of the same name is another part of the cluster. */
export function subsetLensKey(name: string, { tags, meta }: Subset): string {
  const told = [...tags.map((tag) => `tag ${tag}`), ...Object.entries(meta).map(([key, value]) => `${key}=${value}`)];
  return `subset=${name} (${told.join(', ')})`;
}
