import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { hashText } from '../../src/cluster/hash.ts';
import type { BalancerOptions } from '../../src/cluster/options.ts';
import type { Picker } from '../../src/cluster/picker.ts';
import { build } from '../contract/balancer.ts';
import maglev from '../fixtures/hashing/envoy-maglev.json' with { type: 'json' };
import ring from '../fixtures/hashing/envoy-ring.json' with { type: 'json' };
import { FakeEndpoint, pickContext } from '../support/fake-endpoint.ts';

interface Listed {
  readonly address: string;
  readonly weight: number;
}

/** In the reverse order of the vectors, which are by address: how discovery lists them makes no difference. */
function pickerOf(options: BalancerOptions, endpoints: readonly Listed[]): Picker {
  const fakes = endpoints.map(({ address, weight }) => new FakeEndpoint(`${bare(address)}/s-${weight}`, weight));
  return build(makeBalancer(options, new SeededRandom(1)), fakes.reverse());
}

function bare(address: string): string {
  return address.replace(/[[\]]/g, '');
}

function expectPlaces(picker: Picker, { keys, places }: { keys: object; places: object }): void {
  const context = pickContext({ hasHash: true });
  const picked = () => bare(picker.pick(context)!.id.split('/')[0]!);
  for (const [key, address] of Object.entries(keys)) {
    hashText(key, context);
    expect(picked(), key).toBe(bare(address));
  }
  for (const [place, address] of Object.entries(places)) {
    context.hashHigh = Number.parseInt(place.slice(0, 8), 16);
    context.hashLow = Number.parseInt(place.slice(8), 16);
    expect(picked(), place).toBe(bare(address));
  }
}

describe("ring_hash in Envoy's sizing", () => {
  it.each(ring.rings)('sends keys where Envoy does: $name', ({ endpoints, minSize, maxSize, ...rest }) => {
    expectPlaces(pickerOf({ name: 'ring_hash', ring: { sizing: 'envoy', minSize, maxSize } }, endpoints), rest);
  });
});

describe('maglev', () => {
  it.each(maglev.tables)('sends keys where Envoy does: $name', ({ endpoints, tableSize, ...rest }) => {
    expectPlaces(pickerOf({ name: 'maglev', maglev: { tableSize } }, endpoints), rest);
  });

  it.each(maglev.tables)("has the whole of Envoy's table: $name", ({ endpoints, tableSize, tableHash }) => {
    const picker = pickerOf({ name: 'maglev', maglev: { tableSize } }, endpoints);
    const context = pickContext({ hasHash: true });
    const addresses = new Map(endpoints.map(({ address }) => [bare(address), address]));
    const slots = Array.from({ length: tableSize }, (_, slot) => {
      context.hashLow = slot;
      return addresses.get(picker.pick(context)!.id.split('/')[0]!);
    });
    const hash = { hashHigh: 0, hashLow: 0 };
    hashText(slots.join('\n'), hash);
    const hex = [hash.hashHigh, hash.hashLow].map((half) => half.toString(16).padStart(8, '0'));
    expect(hex.join('')).toBe(tableHash);
  });
});
