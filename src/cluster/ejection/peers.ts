import type { LensSpec } from '../lens.ts';
import type { EndpointSpec } from '../snapshot.ts';
import { PeerGroup } from './peer-group.ts';
import type { Suspect } from './suspect.ts';

/**
 * Who can be compared with whom: endpoints of one level that the same lenses show. A replica is no measure for a
 * primary, nor one shard for another, nor a datacenter for the one next door.
 */
export function peersAmong(suspects: Iterable<Suspect>, lenses: readonly LensSpec[]): readonly PeerGroup<Suspect>[] {
  const groups = new Map<string | number, Suspect[]>();
  for (const suspect of suspects) {
    const { spec } = suspect.endpoint;
    const key = lenses.length === 0 ? spec.priority : keyOf(spec, lenses);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [suspect]);
    else group.push(suspect);
  }
  return [...groups.values()].map((group) => new PeerGroup(group));
}

function keyOf(spec: EndpointSpec, lenses: readonly LensSpec[]): string {
  const shownBy = lenses.filter(({ matches }) => matches(spec)).map(({ key }) => key);
  return JSON.stringify([spec.priority, ...shownBy]);
}
