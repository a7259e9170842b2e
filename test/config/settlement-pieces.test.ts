import { deserialize, serialize } from 'node:v8';
import { expect, it } from 'vitest';
import type { Material, Settlement } from '../../src/config/material.ts';
import { settle } from '../../src/config/settle.ts';
import { Assembly, piecesOf } from '../../src/config/settlement-pieces.ts';
import { material } from '../contract/settler.ts';

/** Through another process and back; the size of the largest piece besides. */
function carried(given: Material, settlement: Settlement): { readonly whole: Settlement; readonly largest: number } {
  const assembly = new Assembly(given);
  let largest = 0;
  for (const piece of piecesOf(settlement)) {
    const bytes = serialize(piece);
    const { kind } = piece;
    if (kind !== 'head') largest = Math.max(largest, bytes.length);
    const whole = assembly.add(deserialize(bytes));
    if (whole !== null) return { whole, largest };
  }
  throw new Error('there was no end');
}

it('carries a settlement whole, texts of documents included, though they are not sent', () => {
  const given = material({ mesh: 'defaults: { timeouts: { request: 3s } }', 'caller/web': 'upstreams: [' });
  const settlement = settle(given, { wallMs: 0 });
  const { whole } = carried(given, settlement);
  expect(whole).toEqual(settlement);
  expect(whole.layers[0]!.used).toBe(given.newest[0]);
  expect(JSON.stringify([...piecesOf(settlement)])).not.toContain('defaults: {');
});

it('carries what is no configuration', () => {
  const given = material({}, 'service: [');
  expect(carried(given, settle(given, { wallMs: 0 })).whole).toEqual(settle(given, { wallMs: 0 }));
});

it('carries thousands of routes and upstreams in pieces, none of which is large', () => {
  const routes = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, i) => [
      `r${i}`,
      { hosts: ['shop'], match: { path: { exact: `/${i}` } }, to: 'orders' },
    ]),
  );
  const upstreams = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`u${i}`, {}]));
  const own = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`o${i}`, { match: { path: { exact: `/o${i}` } } }]),
  );
  const given = material({
    mesh: JSON.stringify({ routes, upstreams }),
    'service/orders': JSON.stringify({ routes: own }),
  });
  const settlement = settle(given, { wallMs: 0 });
  expect(settlement.layers.flatMap(({ problems }) => problems)).toEqual([]);
  expect(settlement.config!.upstreams.get('orders')!.routes).toHaveLength(200);
  const { whole, largest } = carried(given, settlement);
  expect(whole.config).toEqual(settlement.config);
  expect(largest).toBeLessThan(32_768);
});
