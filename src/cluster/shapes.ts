import type { Lens, LensSpec } from './lens.ts';
import type { LiveEndpoint } from './live-endpoint.ts';
import { isSameLevels, type Level, levelsOf } from './tree/levels.ts';
import type { TreeOptions } from './tree/options.ts';

/** What the picker of a lens is made of. */
export interface Shape {
  readonly lens: Lens;
  readonly levels: readonly Level[];
  readonly balancer: LensSpec['balancer'];
}

export function isSameShapes(a: readonly Shape[], b: readonly Shape[]): boolean {
  return a.length === b.length && a.every(({ levels }, i) => isSameLevels(levels, b[i]!.levels));
}

/**
 * The shape of each lens, for what is known now. Who is critical is picked in a part in which nobody is better, but not
 * where another part stands in for it and has somebody healthy, nor where its peers are well: then it has nobody.
 */
export function shapesOf(
  specs: readonly LensSpec[],
  known: readonly LiveEndpoint[],
  tree: TreeOptions,
  lensOf: (key: string) => Lens,
): readonly Shape[] {
  const parts = new Map(specs.map((spec) => [spec.key, partOf(spec, known)]));
  return specs.map(({ key, balancer }) => {
    const { shown, isHealthy, hasHealthyPeers } = parts.get(key)!;
    const used = isHealthy || (!hasHealthyPeers && !hasStandIn(key, parts)) ? shown : [];
    return { lens: lensOf(key), levels: levelsOf(used, tree), balancer };
  });
}

interface Part {
  readonly shown: readonly LiveEndpoint[];
  readonly isHealthy: boolean;
  readonly hasHealthyPeers: boolean;
  readonly otherwise: string | null;
}

function partOf({ matches, otherwise, peers }: LensSpec, known: readonly LiveEndpoint[]): Part {
  const shown = known.filter(({ spec }) => matches(spec));
  const isHealthy = shown.some((endpoint) => endpoint.isHealthy);
  const hasHealthyPeers = peers !== undefined && known.some((endpoint) => endpoint.isHealthy && peers(endpoint.spec));
  return { shown, isHealthy, hasHealthyPeers, otherwise };
}

function hasStandIn(key: string, parts: ReadonlyMap<string, Part>): boolean {
  for (let at = parts.get(key)?.otherwise ?? null; at !== null; at = parts.get(at)?.otherwise ?? null) {
    if (parts.get(at)?.isHealthy) return true;
  }
  return false;
}
