import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { complaints, good, web } from './parse.ts';

function orders(shards: string, more = ''): string {
  return web(`consul: {}\nupstreams: { orders: { ${more}shards: ${shards} } }\n`);
}

const KEY = 'key: [{ header: X-Tenant }, { path: { segment: 2 } }, { query: t }]';

const maps: [kind: string, map: string][] = [
  [
    'slots',
    '{ kind: slots, ranges: [{ slots: 0-8191, shard: a }, { slots: 8192-16382, shard: b }, { slots: 16383, shard: a }] }',
  ],
  [
    'text ranges',
    '{ kind: ranges, ranges: [{ from: m, shard: b }, { to: m, shard: a, move: { to: b, state: hold } }], shards: [a, b] }',
  ],
  [
    'integer ranges',
    '{ kind: ranges, keys: integer, ranges: [{ to: -5, shard: a }, { from: -5, to: 100, shard: b }, { from: 100, shard: a }] }',
  ],
  [
    'a list',
    '{ kind: list, ranges: [{ keys: [acme, 42], shard: a }, { keys: [umbrella], shard: b, move: { to: a, state: dual_write } }], otherwise: a }',
  ],
  ['a ring', '{ kind: consistent, shards: [a, b, c] }'],
];

describe('shards of an upstream', () => {
  it('become the options of the program', () => {
    const config = good(
      orders(`{ version: 7, ${KEY}, by: { tag: 'shard-{shard}' }, absent: any, hold: 3s, map: ${maps[0]![1]} }`),
    );
    expect(config.upstreams.get('orders')!.shards).toEqual({
      version: 7,
      key: [
        { kind: 'header', name: 'x-tenant' },
        { kind: 'segment', number: 2 },
        { kind: 'query', name: 't' },
      ],
      absent: 'any',
      by: { kind: 'tag', pattern: 'shard-{shard}' },
      holdMs: 3_000,
      map: {
        kind: 'slots',
        slots: 16_384,
        names: null,
        ranges: [
          { first: 0, last: 8191, shard: 'a', move: null },
          { first: 8192, last: 16_382, shard: 'b', move: null },
          { first: 16_383, last: 16_383, shard: 'a', move: null },
        ],
      },
    });
  });

  it('need no list for one source of the key', () => {
    const alone = good(orders(`{ key: { header: X-Tenant }, map: ${maps[4]![1]} }`));
    const listed = good(orders(`{ key: [{ header: X-Tenant }], map: ${maps[4]![1]} }`));
    expect(alone.upstreams.get('orders')!.shards).toEqual(listed.upstreams.get('orders')!.shards);
    expect(complaints(orders(`{ key: { token: sid }, map: ${maps[4]![1]} }`)).join()).toContain(
      'shards.key.token: found an unknown key, expected one of header, cookie, query, path, source',
    );
  });

  it('have defaults for all but the key and the map', () => {
    expect(good(orders(`{ ${KEY}, map: ${maps[4]![1]} }`)).upstreams.get('orders')!.shards).toMatchObject({
      version: 0,
      absent: 'reject',
      by: { kind: 'meta', key: 'shard' },
      holdMs: 10_000,
    });
  });

  it('are found by every kind of key that a request has, shown as they were written', () => {
    const key =
      '[{ header: X-T }, { cookie: { name: sid } }, { query: t }, { path: { regex: "/u/([^/]+)" } }, { source: true }]';
    const config = good(orders(`{ key: ${key}, map: ${maps[4]![1]} }`));
    expect(config.upstreams.get('orders')!.shards!.key).toEqual([
      { kind: 'header', name: 'x-t' },
      { kind: 'cookie', name: 'sid', made: null },
      { kind: 'query', name: 't' },
      { kind: 'pattern', pattern: '/u/([^/]+)' },
      { kind: 'source' },
    ]);
    expect(good(JSON.stringify(redacted(config)))).toEqual(config);
  });

  it.each(maps)('are shown as a file that means the same, by %s', (_kind, map) => {
    const config = good(orders(`{ ${KEY}, map: ${map} }`));
    expect(good(JSON.stringify(redacted(config)))).toEqual(config);
  });

  it.each<[what: string, shards: string, ...lines: string[]]>([
    [
      'a hole between slots',
      `{ ${KEY}, map: { kind: slots, slots: 100, ranges: [{ slots: 0-9, shard: a }, { slots: 20-99, shard: b }] } }`,
      'map.ranges: found no shard for slots 10-19, expected a shard for every key',
    ],
    [
      'an overlap of slots',
      `{ ${KEY}, map: { kind: slots, slots: 100, ranges: [{ slots: 0-50, shard: a }, { slots: 40-99, shard: b }] } }`,
      'map.ranges[1].slots: found slots 40-50 a second time, expected each slot once',
    ],
    [
      'slots beyond the last',
      `{ ${KEY}, map: { kind: slots, slots: 100, ranges: [{ slots: 0-100, shard: a }] } }`,
      'map.ranges[0].slots: found 0-100, expected slots from 0 to 99',
    ],
    [
      'a hole between keys, and an overlap',
      `{ ${KEY}, map: { kind: ranges, ranges: [{ to: b, shard: a }, { from: c, to: f, shard: b }, { from: e, shard: c }] } }`,
      'map.ranges: found no shard for keys [b, c), expected a shard for every key',
      'map.ranges[2]: found keys [e, f) a second time, expected each key in one range',
    ],
    [
      'text among integers',
      `{ ${KEY}, map: { kind: ranges, keys: integer, ranges: [{ to: ten, shard: a }, { from: 10, shard: b }] } }`,
      'map.ranges[0].to: found "ten", expected a whole number of at most 15 digits',
    ],
    [
      'a key listed twice',
      `{ ${KEY}, map: { kind: list, ranges: [{ keys: [x, y], shard: a }, { keys: [y], shard: b }] } }`,
      'map.ranges[1].keys[0]: found the key y a second time, expected each key in one range',
    ],
    [
      'a shard that is not among those named',
      `{ ${KEY}, map: { kind: list, shards: [a, b], ranges: [{ keys: [x], shard: c }], otherwise: d } }`,
      'map.ranges[0].shard: found the unknown shard c, expected one of the shards a, b',
      'map.otherwise: found the unknown shard d, expected one of the shards a, b',
    ],
    [
      'an empty map',
      `{ ${KEY}, map: { kind: list } }`,
      'map.ranges: found an empty map, expected at least one key, or otherwise',
    ],
    [
      'a ring of nobody',
      `{ ${KEY}, map: { kind: consistent } }`,
      'map.shards: found no shards, expected the names of all shards',
    ],
    [
      'a move to itself',
      `{ ${KEY}, map: { kind: ranges, ranges: [{ shard: a, move: { to: a, state: hold } }] } }`,
      'map.ranges[0].move.to: found a move from a to itself, expected another shard, or no move',
    ],
    [
      'what another kind of map has',
      `{ ${KEY}, map: { kind: slots, otherwise: b, ranges: [{ keys: [x], shard: a }] } }`,
      'map.otherwise: found otherwise in kind slots, expected kind: list beside it',
      'map.ranges[0]: found a range without slots, expected slots in it',
      'map.ranges[0].keys: found keys in kind slots, expected slots',
    ],
    [
      'a source that is two',
      `{ key: [{ header: a, query: b }], map: { kind: consistent, shards: [a] } }`,
      'key[0]: found a map, expected one of { header: NAME }, { cookie: { name: NAME } }, { query: NAME }, { path: { segment: N } }, { path: { regex: PATTERN } } and { source: true }',
    ],
    [
      'a cookie to make',
      `{ key: [{ cookie: { name: sid, ttl: 1h } }], map: { kind: consistent, shards: [a] } }`,
      'key[0].cookie.ttl: found an unknown key, expected one of name',
    ],
    [
      'a tag that says no shard',
      `{ ${KEY}, by: { tag: primary }, map: { kind: consistent, shards: [a] } }`,
      'by.tag: found "primary", expected a tag with {shard} in it, such as shard-{shard}',
    ],
  ])('are refused with %s', (_what, shards, ...lines) => {
    const said = complaints(orders(shards)).map((line) =>
      line.replace(/^remora\.yaml:\d+:\d+ upstreams\.orders\.shards\./, ''),
    );
    expect([...said].sort()).toEqual([...lines].sort());
  });

  it('are refused for bytes that have no key, and a broadcast for calls that may not be safe', () => {
    const ring = `{ ${KEY}, map: { kind: consistent, shards: [a] } }`;
    expect(complaints(orders(ring, 'protocol: tcp, port: 1, '))[0]).toContain('found shards for protocol tcp');
    const all = `{ ${KEY}, absent: all, map: { kind: consistent, shards: [a] } }`;
    const said = complaints(orders(all, 'protocol: grpc, ')).join('\n');
    expect(said).toContain('found all for protocol grpc');
    expect(said).toContain('shards.key[2].query: found a query for protocol grpc');
    const many = Array.from({ length: 65 }, (_, i) => `s${i}`).join(', ');
    const wide = `{ ${KEY}, absent: first, map: { kind: consistent, shards: [${many}] } }`;
    expect(complaints(orders(wide))[0]).toContain('found first with 65 shards');
  });

  it('are refused beside ports of roles, where requests have no key', () => {
    const ring = `{ ${KEY}, map: { kind: consistent, shards: [a] } }`;
    const said = complaints(orders(ring, 'roles: { ports: { primary: 5432 } }, '));
    expect(said[0]).toContain('upstreams.orders.roles.ports: found ports of roles beside shards');
  });
});
