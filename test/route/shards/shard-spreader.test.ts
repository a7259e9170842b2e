import { describe, expect, it } from 'vitest';
import { shardingOf } from '../../../src/agent/sharding.ts';
import type { Plan } from '../../../src/proxy/plan.ts';
import type { AbsentKey, Move, ShardMapOptions, ShardsOptions } from '../../../src/route/shards/shard-options.ts';
import { ShardSpreader } from '../../../src/route/shards/shard-spreader.ts';
import { Shards } from '../../../src/route/shards/shards.ts';
import { ExchangeScript, PEER, type RequestText, requestHead } from '../../support/exchange-script.ts';

function setUp(move: Move | null, absent: AbsentKey = 'reject', shards = new Shards()) {
  const { plan } = new ExchangeScript();
  const plans = new Map<string, Plan>(['a', 'b', 'c'].map((name) => [name, { ...plan }]));
  const map: ShardMapOptions = {
    kind: 'ranges',
    keys: 'text',
    names: null,
    ranges: [
      { from: null, to: 'm', shard: 'a', move },
      { from: 'm', to: 's', shard: 'b', move: null },
      { from: 's', to: null, shard: 'a', move: null },
    ],
  };
  const key = [{ kind: 'header', name: 'x-key' }] as const;
  const options: ShardsOptions = { version: 1, key, absent, by: { kind: 'meta', key: 's' }, holdMs: 1, map };
  const sharding = shardingOf(options, null)!;
  const spreader = new ShardSpreader(sharding, shards, (shard) => plans.get(shard)!);
  shards.replace(plan, sharding);
  const spread = (key: string | null, method = 'GET', more: RequestText = {}) =>
    spreader.spread(requestHead({ method, ...more, fields: key === null ? {} : { 'x-key': key } }), PEER);
  return { plans, shards, spreader, spread };
}

describe('reads without a key', () => {
  it.each(['first', 'all'] as const)('go to every shard that owns something, asked for %s', (kind) => {
    const { plans, shards, spread } = setUp({ to: 'c', state: 'hold' }, kind);
    expect(spread(null)).toEqual({ kind, main: plans.get('a'), others: [plans.get('b')] });
    expect(spread(null, 'POST')).toBeNull();
    expect(spread('x')).toBeNull();
    expect(shards.missingKeys).toBe(1);
  });

  it('go nowhere else where nobody has asked for it', () => {
    for (const absent of ['reject', 'any'] as const) {
      const { spreader, spread } = setUp(null, absent);
      expect([spread(null), spreader.isNeeded]).toEqual([null, false]);
    }
  });
});

describe('a range that moves', () => {
  it('has its writes sent to the new owner too, and answered by the old one', () => {
    const { plans, spread } = setUp({ to: 'c', state: 'dual_write' });
    const move = spread('apple', 'PUT');
    expect(move).toMatchObject({ kind: 'dual_write' });
    expect(move!.main).toBe(plans.get('a'));
    expect(move!.others[0]).toBe(plans.get('c'));
    expect(spread('apple', 'PUT', { upgrade: 'websocket' })).toBeNull();
    expect([spread('apple', 'GET'), spread('mango', 'PUT'), spread('zest', 'PUT')]).toEqual([null, null, null]);
    const keyHash = (key: string) => (spread(key, 'PUT') as { readonly keyHash: number }).keyHash;
    expect(keyHash('apple')).toBe(keyHash('apple'));
    expect(keyHash('apple')).not.toBe(keyHash('fig'));
  });

  it('has safe reads compared, and no calls, of which nobody knows', () => {
    const { spread } = setUp({ to: 'c', state: 'dual_read' });
    expect(spread('apple', 'GET')).toMatchObject({ kind: 'dual_read' });
    expect(spread('apple', 'POST')).toBeNull();
  });

  it('keeps its ledger through other changes, and gives it up with the move', () => {
    const { spreader, shards } = setUp({ to: 'c', state: 'dual_write' });
    const [ledger] = spreader.ledgers;
    expect(ledger!.name).toBe('[.., m)');
    expect([...setUp({ to: 'c', state: 'dual_write' }, 'any', shards).spreader.ledgers]).toEqual([ledger]);
    expect([...setUp({ to: 'c', state: 'dual_write' }, 'any', shards).spreader.ledgers][0]).toBe(ledger);
    setUp({ to: 'c', state: 'hold' }, 'any', shards);
    expect([...setUp({ to: 'c', state: 'dual_write' }, 'any', shards).spreader.ledgers][0]).not.toBe(ledger);
  });
});
