import type { Endpoint } from '../../src/cluster/endpoint.ts';
import type { Balancer, Picker } from '../../src/cluster/picker.ts';
import { SubsettingBalancer } from '../../src/cluster/subsetting.ts';
import { FakeEndpoint } from '../support/fake-endpoint.ts';

/**
 * The endpoints that a sidecar uses when it does not use all, by the program's own choice. A thousand clusters that each know
 * ten thousand endpoints would not fit into one process, so here the choice comes first and a cluster is told of the chosen.
 *
 * Every algorithm begins with the same members, so what was chosen once is kept.
 */
export function subsetOf(ids: readonly string[], sidecar: number, size: number | null): readonly string[] {
  if (size === null || ids.length <= size) return ids;
  const chosen = chosenFrom(ids);
  const kept = chosen.get(`${sidecar}/${size}`) ?? choose(ids, sidecar, size);
  chosen.set(`${sidecar}/${size}`, kept);
  return kept;
}

const CHOSEN = new Map<string, Map<string, readonly string[]>>();

function chosenFrom(ids: readonly string[]): Map<string, readonly string[]> {
  const members = ids.join();
  const chosen = CHOSEN.get(members) ?? new Map<string, readonly string[]>();
  CHOSEN.set(members, chosen);
  return chosen;
}

function choose(ids: readonly string[], sidecar: number, size: number): readonly string[] {
  const choice = new Choice();
  const subsetting = new SubsettingBalancer(choice, size, `sidecar-${sidecar}`);
  const slices = subsetting.build(ids.map((id) => new FakeEndpoint(id)));
  while (!slices.next().done);
  return choice.made.map(({ id }) => id);
}

/** Remembers the endpoints it is given. */
class Choice implements Balancer {
  readonly name = 'choice';
  made: readonly Endpoint[] = [];

  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    this.made = endpoints;
    return { pick: () => null };
  }
}
