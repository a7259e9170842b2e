import { describe, expect, it } from 'vitest';
import { placementOf, shardingOf } from '../../../src/agent/sharding.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { LensSpec } from '../../../src/cluster/lens.ts';
import type { Placement } from '../../../src/proxy/placement.ts';
import { Dispatcher } from '../../../src/proxy/places/dispatcher.ts';
import { Shadows } from '../../../src/proxy/places/shadows.ts';
import { Anywhere } from '../../../src/route/anywhere.ts';
import { Pinned } from '../../../src/route/pinned.ts';
import type { ByShard } from '../../../src/route/shards/by-shard.ts';
import { shardLensKey } from '../../../src/route/shards/shard-lenses.ts';
import type {
  AbsentKey,
  KeyRange,
  Move,
  ShardBy,
  ShardMapOptions,
  ShardsOptions,
} from '../../../src/route/shards/shard-options.ts';
import { ShardSpreader } from '../../../src/route/shards/shard-spreader.ts';
import { Shards } from '../../../src/route/shards/shards.ts';
import { ExchangeScript, type RequestText, requestHead, type ScriptOptions } from '../../support/exchange-script.ts';

const BY: ShardBy = { kind: 'meta', key: 'shard' };
const HELD: Move = { to: 'b', state: 'hold' };
const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };

/** Endpoint `a` is shard a, and so on. */
const LENSES: LensSpec[] = ['a', 'b', 'c'].map((shard) => ({
  key: shardLensKey(BY, shard),
  matches: ({ id }) => id.endsWith(`/${shard}`),
  otherwise: null,
  balancer: null,
}));

function below(shard: string, move: Move | null = null): readonly KeyRange[] {
  return [
    { from: null, to: 'm', shard, move },
    { from: 'm', to: null, shard: 'c', move: null },
  ];
}

class Sharded extends ExchangeScript {
  readonly shards = new Shards();
  hasRoles = false;

  constructor(options: ScriptOptions = {}) {
    super({ lenses: LENSES, endpoints: ['a', 'b', 'c'], ...options });
    this.take();
  }

  map(ranges: readonly KeyRange[], absent: AbsentKey = 'reject'): void {
    this.shard({ kind: 'ranges', keys: 'text', names: null, ranges }, absent);
  }

  shard(map: ShardMapOptions, absent: AbsentKey = 'reject'): void {
    const key = [{ kind: 'header', name: 'x-key' }] as const;
    const options: ShardsOptions = { version: 1, key, absent, by: BY, holdMs: 10_000, map };
    const sharding = shardingOf(options, null)!;
    const placement = placementOf(sharding, this.shards, (part) => this.inside(part)) as ByShard;
    const plan = { ...this.plan, placement, spreader: null };
    const planAt = (shard: string) => ({ ...plan, placement: placement.at(shard) });
    this.plan = { ...plan, spreader: new ShardSpreader(sharding, this.shards, planAt) };
    this.shards.replace(this.plan, sharding);
    this.parking.wakeHeld(this.clock.now());
  }

  /** Writes wait inside a shard where they do in its roles. */
  private inside(part: string | null): Placement {
    const anywhere = new Anywhere(null);
    const plain = part === null ? anywhere : new Pinned(this.cluster.lensOf(part), anywhere);
    if (!this.hasRoles) return plain;
    const place: Placement['place'] = (head, peer, placed) => {
      placed.hold = head !== null && head.method === 'PUT' ? this.hold : null;
      return plain.place(head, peer, placed);
    };
    return { place, mark: () => undefined };
  }

  unshard(): void {
    this.plan = { ...this.plan, placement: new Anywhere(null) };
    this.shards.replace(this.plan, null);
    this.parking.wakeHeld(this.clock.now());
  }

  /** What became of one request with that key. */
  ask(key: string | null, text: RequestText = {}): string[] {
    this.open().request({ ...text, fields: key === null ? {} : { 'x-key': key } });
    return this.take();
  }
}

describe('a request', () => {
  it('goes to the shard that has its key, whatever others have to do', () => {
    const script = new Sharded();
    script.map(below('a'));
    for (let i = 0; i < 3; i++) expect(script.ask('ab')[0]).toBe('0 a send GET /');
    expect(script.ask('mm')[0]).toBe('0 c send GET /');
    expect(['a', 'b', 'c'].map((shard) => script.shards.countOf(shard))).toEqual([3, 0, 1]);
  });

  it('goes to no other shard when its own has no endpoint', () => {
    const script = new Sharded();
    script.map(below('a'));
    script.discover(['b', 'c']);
    script.take();
    expect(script.ask('ab')).toContain('0 client local 503 no_endpoint');
    expect(script.records[0]).toMatchObject({ code: 'no_endpoint', shard: 'a' });
  });

  it('stays with its shard for its next attempts, when the map changes in between', () => {
    const script = new Sharded();
    script.map(below('a'));
    script.ask('ab');
    script.map(below('b'));
    script.endpoint('a').last.handler.onFailure('connect_refused');
    expect(script.take()).toEqual(['0 retry after a connect_refused', '0 a send GET /', '0 a end']);
    script.endpoint('a').last.answer(200);
    script.take();
    expect(script.ask('ab')[0]).toMatch(/ b send GET/);
  });

  it('is refused without a key, and with one that is nobody’s', () => {
    const script = new Sharded();
    script.map(below('a'));
    expect(script.ask('zz')).toContain('0 c send GET /');
    script.endpoint('c').last.answer(200);
    script.take();
    expect(script.ask(null)).toContain('0 client local 400 shard_key_missing');
    expect(script.records.map(({ shard }) => shard)).toEqual(['c', undefined]);
    script.shard({
      kind: 'list',
      names: null,
      otherwise: null,
      ranges: [{ keys: ['x'], shard: 'a', move: null }],
    });
    expect(script.ask('y')).toContain('0 client local 404 shard_unknown');
    expect(script.shards.missingKeys).toBe(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes anywhere without a key where that is allowed', () => {
    const script = new Sharded();
    script.map(below('a'), 'any');
    const seen = new Set(Array.from({ length: 6 }, () => script.ask(null)[0]));
    expect(seen.size).toBe(3);
    expect(script.shards.missingKeys).toBe(6);
  });

  it('is never spread when it is not safe', () => {
    const script = new Sharded();
    script.map(below('a'), 'all');
    expect(script.ask(null, { method: 'POST' })).toContain('0 client local 400 shard_key_missing');
  });
});

describe('a write of a held range', () => {
  const write = { method: 'PUT' };

  it('waits for the new owner and goes there, while reads go on', () => {
    const script = new Sharded();
    script.map(below('a', HELD));
    expect(script.ask('ab', write)).toEqual([]);
    expect(script.ask('ab')[0]).toBe('0 a send GET /');
    expect(script.ask('zz', write)[0]).toBe('0 c send PUT /');
    script.clock.advance(5_000);
    script.map(below('b'));
    expect(script.take()).toEqual(['5000 b send PUT /', '5000 b end']);
    expect([script.shards.held, script.shards.countOf('b')]).toEqual([1, 1]);
    for (const name of ['a', 'b', 'c']) script.endpoint(name).last.answer(200);
    expect(script.records.map(({ shard }) => shard)).toEqual(['a', 'b', 'c']);
    expect(script.records.map(({ heldMs }) => heldMs)).toEqual([undefined, 5_000, undefined]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('goes to the old owner when the move is called off', () => {
    const script = new Sharded();
    script.map(below('a', HELD));
    script.ask('ab', write);
    script.map(below('a'));
    expect(script.take()[0]).toBe('0 a send PUT /');
  });

  it('stays held by a map that holds it still, for no longer than in all', () => {
    const script = new Sharded();
    script.map(below('a', HELD));
    script.ask('ab', write);
    script.clock.advance(6_000);
    script.map(below('a', HELD));
    script.discover(['a', 'b']);
    expect(script.take()).toEqual(['6000 c retire']);
    script.clock.advance(3_900);
    expect(script.take()).toEqual([]);
    script.clock.advance(200);
    expect(script.take().join()).toMatch(/client local 503 shard_held/);
    expect(script.shards.held).toBe(1);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is refused when the new map has nobody for it, and goes anywhere when there is no map any more', () => {
    const script = new Sharded();
    script.map(below('a', HELD));
    script.ask('ab', write);
    script.shard({ kind: 'list', names: null, otherwise: null, ranges: [{ keys: ['x'], shard: 'a', move: null }] });
    expect(script.take()).toContain('0 client local 404 shard_unknown');
    script.map(below('a', HELD));
    script.ask('ab', write);
    script.unshard();
    expect(script.take()[0]).toMatch(/^0 [abc] send PUT/);
  });

  it('keeps what came of its body, and sends all of it', () => {
    const script = new Sharded();
    script.map(below('a', HELD));
    const client = script.open();
    client.handler.onRequest(
      requestHead({ method: 'PUT', body: 'length', contentLength: 4, fields: { 'x-key': 'ab' } }),
    );
    expect(client.handler.onRequestBody(Buffer.from('ab'))).toBe(false);
    script.map(below('b'));
    expect(client.handler.onRequestBody(Buffer.from('cd'))).toBe(true);
    client.handler.onRequestEnd(null);
    expect(script.take()).toEqual(['0 b send PUT /', '0 b body ab', '0 client resume', '0 b body cd', '0 b end']);
  });

  it('is refused when the park is full, and forgotten when its client leaves', () => {
    const script = new Sharded({ limits: { maxParked: 1 } });
    script.map(below('a', HELD));
    const client = script.open();
    client.request({ ...write, fields: { 'x-key': 'ab' } });
    expect(script.ask('ab', write)).toContain('0 client local 503 park_full');
    client.handler.onClientGone('client_gone');
    expect(script.books()).toEqual(CLOSED);
    script.map(below('b'));
    expect(script.take()).toEqual([]);
  });

  it('is refused when too much of bodies is kept already, and nobody else with it', () => {
    const script = new Sharded();
    script.map(below('a', HELD));
    const begin = (key: string) => {
      const { handler } = script.open();
      const head = { ...write, body: 'chunked' as const, fields: { 'x-key': key } };
      handler.onRequest(requestHead(head));
      return handler;
    };
    const [large, small] = [begin('ab'), begin('ac')];
    large.onRequestBody(Buffer.alloc(16 * 2 ** 20 - 2));
    script.map(below('a', HELD));
    small.onRequestBody(Buffer.alloc(3));
    script.clock.advance(20);
    expect(script.records).toMatchObject([{ code: 'park_full', requestBytes: 3 }]);
    const next = begin('ad');
    next.onRequestBody(Buffer.alloc(2));
    script.clock.advance(20);
    expect(script.records).toHaveLength(1);
    for (const handler of [large, next]) handler.onClientGone('client_gone');
    expect(script.books()).toEqual(CLOSED);
  });

  it('lets those who wait for endpoints wait no longer than before', () => {
    const script = new Sharded({ endpoints: null, limits: { parkTimeoutMs: 3_000 } });
    script.map(below('a'));
    script.ask('ab', write);
    script.clock.advance(2_900);
    script.map(below('b'));
    script.clock.advance(200);
    expect(script.take().join()).toMatch(/discovery_pending/);
  });
});

describe('a write that waits for the primary of its shard', () => {
  const write = { method: 'PUT' };

  function withoutPrimary(): Sharded {
    const script = new Sharded();
    script.hasRoles = true;
    script.map(below('a'));
    script.discover(['b=primary', 'c=primary']);
    script.ask('ab', write);
    expect(script.hold.size).toBe(1);
    return script;
  }

  it('goes to the new owner after a cut-over, and not to the old one that comes back', () => {
    const script = withoutPrimary();
    script.map(below('b'));
    script.discover(['a=primary', 'b=primary', 'c=primary']);
    script.clock.advance(300);
    expect(script.take().filter((line) => line.includes(' send '))).toEqual([expect.stringMatching(/ b send PUT/)]);
    script.endpoint('b').last.answer(200);
    expect([script.hold.size, script.books()]).toEqual([0, CLOSED]);
  });

  it('waits on where the new owner has none either, and is held when its range is', () => {
    const script = withoutPrimary();
    script.map(below('a', HELD));
    script.clock.advance(300);
    script.discover(['a=primary', 'b=primary', 'c=primary']);
    expect(script.take().filter((line) => line.includes(' send '))).toEqual([]);
    script.map(below('b'));
    expect(script.take().filter((line) => line.includes(' send '))).toEqual([expect.stringMatching(/ b send PUT/)]);
    script.endpoint('b').last.answer(200);
    expect([script.hold.size, script.books()]).toEqual([0, CLOSED]);
  });

  it('goes to each of two places once, where it came to be written twice and the map has changed since', () => {
    const script = new Sharded();
    script.hasRoles = true;
    script.map(below('a', { to: 'b', state: 'dual_write' }));
    script.discover(['b=primary']);
    const { clock, observer } = script;
    const shadows = new Shadows({ clock, random: new SeededRandom(1), instanceId: 'x', observer });
    const client = script.open((context, router, client) => new Dispatcher(context, router, client, shadows));
    client.request({ ...write, fields: { 'x-key': 'ab' } });
    script.map(below('b'));
    script.discover(['a=primary', 'b=primary']);
    script.clock.advance(300);
    for (let i = 0; i < 3; i++) {
      for (const { upstreams } of script.endpoints.values()) {
        for (const upstream of upstreams.splice(0)) upstream.answer(200);
      }
    }
    const sent = script.take().filter((line) => line.includes(' send '));
    expect(sent).toEqual([expect.stringMatching(/ a send PUT/), expect.stringMatching(/ b send PUT/)]);
    expect([script.hold.size, shadows.size, script.books()]).toEqual([0, 0, CLOSED]);
  });

  it('gives its place back when there are no shards and no roles any more', () => {
    const script = withoutPrimary();
    script.unshard();
    script.clock.advance(300);
    expect(script.take().join()).toMatch(/[bc] send PUT/);
    for (const name of ['b', 'c']) script.endpoint(name).upstreams.at(-1)?.answer(200);
    expect([script.hold.size, script.books()]).toEqual([0, CLOSED]);
  });
});
