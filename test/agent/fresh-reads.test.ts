import { describe, expect, it } from 'vitest';
import { NO_OWNER, Upstream } from '../../src/agent/upstream.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import type { UpstreamConfig } from '../../src/config/config.ts';
import { Edits } from '../../src/http/edits.ts';
import { Placed } from '../../src/proxy/placement.ts';
import { good, web } from '../config/parse.ts';
import { agentParts } from '../support/agent-parts.ts';
import { spec } from '../support/endpoint-specs.ts';
import { PEER, requestHead, responseHead } from '../support/exchange-script.ts';

function configOf(roles: string, more = ''): UpstreamConfig {
  return good(web(`consul: {}\nupstreams: { db: { ${more}roles: ${roles} } }\n`)).upstreams.get('db')!;
}

function scene(config: UpstreamConfig, endpoints: readonly EndpointSpec[]) {
  const { parts, clock } = agentParts();
  const upstream = new Upstream(config, parts, NO_OWNER);
  upstream.cluster.apply({ service: 'db', source: 'consul', endpoints });
  const place = (method: string, fields: Readonly<Record<string, string>>): Placed => {
    const placed = new Placed([]);
    placed.now = clock.now();
    upstream.plan.placement.place(requestHead({ method, fields }), PEER, placed);
    return placed;
  };
  const pick = (placed: Placed): string => upstream.cluster.pick(placed)?.id.at(-1) ?? placed.refusal;
  /** Who is read from, of many reads. */
  const readers = (fields: Readonly<Record<string, string>> = {}): string =>
    [...new Set(Array.from({ length: 60 }, () => pick(place('GET', fields))))].sort().join('');
  /** Writes, and says which token the client gets. */
  const write = (position: string, fields: Readonly<Record<string, string>> = {}): string => {
    const placed = place('POST', fields);
    const endpoint = upstream.cluster.pick(placed)!;
    const answer = responseHead(200, 'none', -1, { 'x-position': position });
    endpoint.freshness.read(answer, clock.now());
    placed.answeredBy = endpoint;
    const edits = new Edits();
    upstream.plan.placement.mark(placed, answer, edits);
    return edits.values[0]!;
  };
  const say = (name: string, fields: Readonly<Record<string, string>>): void => {
    const endpoint = [...upstream.cluster.endpoints].find(({ id }) => id.endsWith(`/${name}`))!;
    endpoint.freshness.read(responseHead(200, 'none', -1, fields), clock.now());
  };
  return { upstream, clock, readers, write, say };
}

const LATE = [
  spec('a', { role: 'primary' }),
  spec('b', { role: 'replica', lagMs: 500 }),
  spec('c', { role: 'replica', lagMs: 2_000 }),
  spec('d', { role: 'replica', lagMs: 30_000 }),
];

describe('a bound on lag', () => {
  it('is another one at once when the configuration says another', () => {
    const lag = (more: string): UpstreamConfig => configOf(`{ lag: { from: { meta: lag }, keep: 1, ${more} } }`);
    const { upstream, readers } = scene(lag('max: 10s'), LATE);
    expect(readers()).toBe('bc');
    upstream.reconfigure(lag('max: 1s'));
    expect(readers()).toBe('b');
    upstream.reconfigure(lag('max: 0'));
    expect(readers()).toBe('bcd');
    upstream.reconfigure(lag('max: 100ms'));
    expect(readers()).toBe('b');
  });

  it('follows discovery, which need not move anybody for it', () => {
    const { upstream, clock, readers } = scene(configOf('{ lag: { from: { meta: lag }, keep: 1 } }'), LATE);
    expect(readers()).toBe('bc');
    const endpoints = LATE.map((one) => ({ ...one, lagMs: 0 }));
    upstream.cluster.apply({ service: 'db', source: 'consul', endpoints });
    clock.advance(200);
    expect(readers()).toBe('bcd');
  });

  it('holds for those that read from any', () => {
    const { readers } = scene(configOf('{ read: any, lag: { from: { meta: lag }, keep: 1 } }'), LATE);
    expect(readers()).toBe('abc');
  });

  it('is looked for in answers from the moment somebody asks, and no longer', () => {
    const { upstream, clock, readers, say } = scene(configOf('{}'), LATE);
    upstream.reconfigure(configOf('{ lag: { header: X-Lag, keep: 1 } }'));
    for (const name of 'bc') say(name, { 'x-lag': '0' });
    say('d', { 'x-lag': '99' });
    clock.advance(200);
    expect(readers()).toBe('bc');
    upstream.reconfigure(configOf('{}'));
    say('b', { 'x-lag': '99' });
    expect([...upstream.cluster.endpoints][1]!.freshness.lagAt(clock.now())).toBe(0);
    expect(readers()).toBe('bcd');
  });
});

describe('a client that has written, where there are shards', () => {
  const SHARDS =
    'shards: { key: [ { header: x-key } ], map: { kind: ranges, ranges: [ { to: m, shard: one }, { from: m, shard: two } ] } }, ';
  const ROLES = '{ readYourWrites: { header: x-wrote, position: x-position } }';
  const SPECS = [
    spec('a', { role: 'primary', meta: { shard: 'one' } }),
    spec('b', { role: 'replica', meta: { shard: 'one' } }),
    spec('c', { role: 'primary', meta: { shard: 'two' } }),
    spec('d', { role: 'replica', meta: { shard: 'two' } }),
  ];

  it('is never taken to have read in one shard what it wrote in another', () => {
    const { readers, write, say } = scene(configOf(ROLES, SHARDS), SPECS);
    say('b', { 'x-position': '900' });
    say('d', { 'x-position': '900' });
    expect([readers({ 'x-key': 'b' }), readers({ 'x-key': 'y' })]).toEqual(['b', 'd']);
    const first = write('800', { 'x-key': 'b' });
    expect(readers({ 'x-key': 'b', 'x-wrote': first })).toBe('b');
    // It may have written there before, and has one token for both.
    expect(readers({ 'x-key': 'y', 'x-wrote': first })).toBe('c');
    const second = write('50', { 'x-key': 'y' });
    expect(readers({ 'x-key': 'b', 'x-wrote': second })).toBe('a');
  });
});

it('asks replicas where reads go to any, of a client that has written', () => {
  const { readers, write, say } = scene(
    configOf('{ read: any, readYourWrites: { header: x-wrote, position: x-position } }'),
    LATE,
  );
  const token = write('100');
  expect(readers({ 'x-wrote': token })).toBe('a');
  say('c', { 'x-position': '100' });
  expect(readers({ 'x-wrote': token })).toBe('c');
});

it('compares no positions of two fields, of which one may count otherwise', () => {
  const config = (field: string) => configOf(`{ readYourWrites: { header: x-wrote, position: ${field} } }`);
  const { upstream, readers, write, say } = scene(config('x-old'), LATE);
  say('b', { 'x-old': '900000' });
  say('c', { 'x-old': '900000' });
  upstream.reconfigure(config('x-position'));
  const token = write('100');
  expect(readers({ 'x-wrote': token })).toBe('a');
  say('c', { 'x-position': '100' });
  expect(readers({ 'x-wrote': token })).toBe('c');
  upstream.reconfigure(config('x-new'));
  say('b', { 'x-new': '900000' });
  expect(readers({ 'x-wrote': token })).toBe('a');
});
