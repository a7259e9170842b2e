import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { Placed } from '../../src/proxy/placement.ts';
import { Anywhere } from '../../src/route/anywhere.ts';
import { makeHashKey } from '../../src/route/hash-keys.ts';
import { Pinned } from '../../src/route/pinned.ts';
import { PEER, requestHead } from '../support/exchange-script.ts';

it('places every request in its part, by the key of the placement within', () => {
  const lens = { pick: () => null };
  const placed = new Placed([]);
  const pinned = new Pinned(
    lens,
    new Anywhere(makeHashKey([{ kind: 'source', terminal: false }], new SeededRandom(1))),
  );
  expect(pinned.place(requestHead(), PEER, placed)).toBeNull();
  expect(placed.lens).toBe(lens);
  expect(placed.hasHash).toBe(true);
});

it('refuses what the placement within refuses', () => {
  const pinned = new Pinned({ pick: () => null }, { place: () => 'bad_request', mark: () => undefined });
  expect(pinned.place(null, PEER, new Placed([]))).toBe('bad_request');
});
