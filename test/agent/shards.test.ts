import { describe, expect, it } from 'vitest';
import { shardSamples, shardsView } from '../../src/agent/shards.ts';
import { NO_OWNER, Upstream } from '../../src/agent/upstream.ts';
import { type LogFields, NO_LOG } from '../../src/base/log.ts';
import type { Endpoint } from '../../src/cluster/endpoint.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import { Placed } from '../../src/proxy/placement.ts';
import type { KeyRange, ShardBy, ShardsOptions } from '../../src/route/shards/shard-options.ts';
import { good, web } from '../config/parse.ts';
import { agentParts, upstreamConfig } from '../support/agent-parts.ts';
import { PEER, requestHead } from '../support/exchange-script.ts';
import { spec } from '../support/fake-endpoint.ts';

const META: ShardBy = { kind: 'meta', key: 'shard' };
const TAG: ShardBy = { kind: 'tag', pattern: 'shard-{shard}' };

function sharded(ranges: readonly KeyRange[], by: ShardBy = META, version = 7): ShardsOptions {
  const map = { kind: 'ranges', keys: 'text', names: null, ranges } as const;
  return { version, key: [{ kind: 'header', name: 'x-key' }], absent: 'reject', by, holdMs: 10_000, map };
}

const TWO: readonly KeyRange[] = [
  { from: null, to: 'm', shard: 'a', move: { to: 'b', state: 'hold' } },
  { from: 'm', to: null, shard: 'b', move: null },
];

/** Endpoint 1 is told by its metadata to be a and by its tags to be b, endpoint 2 the other way round. */
const ENDPOINTS: readonly EndpointSpec[] = [
  spec('10.0.0.1:80/1', { host: '10.0.0.1', meta: { shard: 'a' }, tags: ['shard-b'] }),
  spec('10.0.0.2:80/2', { host: '10.0.0.2', meta: { shard: 'b' }, tags: ['shard-a'] }),
  spec('10.0.0.3:80/3', { host: '10.0.0.3', meta: { shard: 'b' }, health: 'critical' }),
];

function setUp(shards: ShardsOptions | null) {
  const { parts } = agentParts();
  const config = { ...upstreamConfig('orders'), shards };
  const upstream = new Upstream(config, parts, NO_OWNER);
  upstream.cluster.apply({ service: 'orders', source: 'consul', endpoints: ENDPOINTS });
  const ask = (key: string): string | undefined => {
    const placed = new Placed([] as Endpoint[]);
    const refusal = upstream.plan.placement.place(requestHead({ fields: { 'x-key': key } }), PEER, placed);
    return refusal ?? upstream.cluster.pick(placed)?.spec.host ?? placed.refusal;
  };
  return { upstream, config, ask };
}

describe('an upstream with shards', () => {
  it('says once in the log that two shards may differ', () => {
    const lines: string[] = [];
    const warn = (event: string, fields?: LogFields) => void lines.push(`${event} ${JSON.stringify(fields)}`);
    const parts = { ...agentParts().parts, log: { ...NO_LOG, warn } };
    const moving = [{ from: null, to: null, shard: 'a', move: { to: 'b', state: 'dual_write' } }] as const;
    const upstream = new Upstream({ ...upstreamConfig('orders'), shards: sharded(moving) }, parts, NO_OWNER);
    const { shards } = upstream.plan;
    const ledger = shards!.ledgerOf(shards!.sharding!.map.ranges[0]!);
    const loss = { at: 0, method: 'PUT', pathHash: '0', keyHash: '0', why: 'refused', status: 500 } as const;
    ledger.onWritten();
    expect(lines).toEqual([]);
    ledger.onLost(loss);
    ledger.onLost(loss);
    expect(lines).toEqual([
      'range_diverged {"upstream":"orders","range":"[.., ..)","shard":"a","to":"b","why":"refused","status":500}',
    ]);
  });

  it('knows the endpoints of a shard by their metadata or their tags, and another way at once when told so', () => {
    const { upstream, config, ask } = setUp(sharded(TWO));
    expect([ask('b'), ask('y')]).toEqual(['10.0.0.1', '10.0.0.2']);
    upstream.reconfigure({ ...config, shards: sharded(TWO, TAG) });
    expect([ask('b'), ask('y')]).toEqual(['10.0.0.2', '10.0.0.1']);
  });

  it('takes a map, another and none, and counts on', () => {
    const { upstream, config, ask } = setUp(null);
    const samples = () =>
      [...shardSamples(upstream)].map(({ name, labels, value }) => [name, ...labels, value].join(' '));
    expect(samples()).toEqual([]);
    upstream.reconfigure({ ...config, shards: sharded(TWO) });
    ask('b');
    upstream.reconfigure({ ...config, shards: sharded([{ ...TWO[0]!, shard: 'b', move: null }, TWO[1]!], META, 8) });
    expect([ask('b'), ask('y')]).toEqual(['10.0.0.2', '10.0.0.2']);
    expect(samples()).toEqual([
      'remora_shard_map_version orders 8',
      'remora_shard_requests_total orders b 2',
      'remora_shard_keys_missing_total orders 0',
      'remora_shard_writes_held_total orders 0',
    ]);
    upstream.reconfigure(config);
    expect(samples()).toEqual([]);
    expect(shardsView(upstream)).toEqual([]);
    expect(ask('b')).toMatch(/^10\./);
  });

  it('shows its map, what moves in it, and whom each shard has', () => {
    const { upstream, ask } = setUp(sharded(TWO));
    ask('b');
    expect(shardsView(upstream)).toEqual([
      {
        upstream: 'orders',
        version: 7,
        kind: 'ranges',
        missingKeys: 0,
        held: 0,
        shards: [
          { name: 'a', endpoints: 1, healthy: 1, requests: 1 },
          { name: 'b', endpoints: 2, healthy: 1, requests: 0 },
        ],
        ranges: [
          { range: '[.., m)', shard: 'a', move: { to: 'b', state: 'hold', second: null } },
          { range: '[m, ..)', shard: 'b', move: null },
        ],
      },
    ]);
  });

  it('has a primary and replicas in each of them where it has roles', () => {
    const parsed = good(web('consul: {}\nupstreams: { orders: { roles: {} } }\n')).upstreams.get('orders')!;
    const upstream = new Upstream(
      { ...parsed, shards: sharded(TWO.map((range) => ({ ...range, move: null }))) },
      agentParts().parts,
      NO_OWNER,
    );
    const endpoints = ['a', 'b'].flatMap((shard) =>
      (['primary', 'replica'] as const).map((role) => spec(`${shard}-${role}`, { meta: { shard }, role })),
    );
    upstream.cluster.apply({ service: 'orders', source: 'consul', endpoints });
    const ask = (method: string, key: string): string | undefined => {
      const placed = new Placed([]);
      upstream.plan.placement.place(requestHead({ method, fields: { 'x-key': key } }), PEER, placed);
      return upstream.cluster.pick(placed)?.id;
    };
    expect([ask('PUT', 'b'), ask('GET', 'b'), ask('PUT', 'y'), ask('GET', 'y')]).toEqual([
      'a-primary',
      'a-replica',
      'b-primary',
      'b-replica',
    ]);
    upstream.cluster.apply({ service: 'orders', source: 'consul', endpoints: endpoints.slice(0, 3) });
    expect([ask('GET', 'y'), ask('PUT', 'b')]).toEqual(['b-primary', 'a-primary']);
    upstream.cluster.apply({ service: 'orders', source: 'consul', endpoints: endpoints.slice(1) });
    expect([ask('PUT', 'b'), ask('GET', 'b')]).toEqual([undefined, 'a-replica']);
  });
});
