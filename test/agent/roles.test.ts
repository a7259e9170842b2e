import { describe, expect, it } from 'vitest';
import { NO_OWNER, Upstream } from '../../src/agent/upstream.ts';
import { Upstreams } from '../../src/agent/upstreams.ts';
import { Timer } from '../../src/base/clock.ts';
import type { FailureCode } from '../../src/base/failure.ts';
import { NO_LOG } from '../../src/base/log.ts';
import type { Role } from '../../src/cluster/role.ts';
import type { RolesConfig, UpstreamConfig } from '../../src/config/config.ts';
import { ListenError } from '../../src/net/listener.ts';
import { DEFAULT_HOLD } from '../../src/proxy/hold.ts';
import { Placed } from '../../src/proxy/placement.ts';
import type { Plan } from '../../src/proxy/plan.ts';
import { DEFAULT_READS } from '../../src/route/roles.ts';
import { HostRouter, NOTHING_UNDECLARED } from '../../src/route/routers.ts';
import { agentConfig, agentParts, listen, upstreamConfig } from '../support/agent-parts.ts';
import { spec } from '../support/endpoint-specs.ts';
import { FAILURE } from '../support/evidence.ts';
import { PEER, requestHead } from '../support/exchange-script.ts';

function rolesConfig(more: Partial<RolesConfig> = {}): RolesConfig {
  return {
    rule: {
      kind: 'primary_replica',
      from: { kind: 'tag' },
      words: { primary: 'primary', replica: 'replica' },
      lag: null,
    },
    read: 'prefer_replica',
    reads: DEFAULT_READS,
    hold: DEFAULT_HOLD,
    lag: null,
    readYourWrites: null,
    listen: { primary: null, replica: null },
    ...more,
  };
}

const ports = (primary: number | null, replica: number | null): Partial<RolesConfig> => ({
  listen: {
    primary: primary === null ? null : listen(primary),
    replica: replica === null ? null : listen(replica),
  },
});

function dbConfig(roles: Partial<RolesConfig> = {}, more: Partial<UpstreamConfig> = {}): UpstreamConfig {
  return upstreamConfig('db', { roles: rolesConfig(roles), ...more });
}

/** Where a request goes: the name of its endpoint, or why it goes nowhere. */
function goesTo({ placement, cluster }: Plan, method: string, fields: Readonly<Record<string, string>> = {}): string {
  const placed = new Placed([]);
  placed.now = 1_000;
  const refusal: FailureCode | null = placement.place(requestHead({ method, fields }), PEER, placed);
  return refusal ?? cluster.pick(placed)?.id.at(-1) ?? placed.refusal;
}

const endpoint = (name: string, role: Role | null) => spec(name, { role });

describe('an upstream with roles', () => {
  it('asks for them, and sends writes and reads where they say', () => {
    const { parts, consul } = agentParts();
    const upstream = new Upstream(dbConfig(), parts, NO_OWNER);
    expect(consul.asked[0]!.query.roles).toEqual(rolesConfig().rule);
    consul.tell(0, [endpoint('a', 'primary'), endpoint('b', 'replica'), endpoint('c', null)]);
    expect([goesTo(upstream.plan, 'POST'), goesTo(upstream.plan, 'GET')]).toEqual(['a', 'b']);
    consul.tell(0, [endpoint('a', 'replica'), endpoint('b', 'primary'), endpoint('c', null)]);
    expect([goesTo(upstream.plan, 'POST'), goesTo(upstream.plan, 'GET')]).toEqual(['b', 'a']);
  });

  it('is asked anew when who says them is another, and follows the first answer', () => {
    const { parts, consul } = agentParts();
    const upstream = new Upstream(dbConfig(), parts, NO_OWNER);
    consul.tell(0, [endpoint('a', 'primary'), endpoint('b', 'replica')]);
    const rule = { ...rolesConfig().rule, from: { kind: 'meta', key: 'role' } } as const;
    upstream.reconfigure(dbConfig({ rule }));
    expect(goesTo(upstream.plan, 'POST')).toBe('a');
    consul.tell(1, [endpoint('a', 'replica'), endpoint('b', 'primary')]);
    expect(goesTo(upstream.plan, 'POST')).toBe('b');
  });

  it('takes another preference for reads at once, and gets and loses its roles in the middle of its work', () => {
    const { parts, consul } = agentParts();
    const upstream = new Upstream(dbConfig(), parts, NO_OWNER);
    consul.tell(0, [endpoint('a', 'primary')]);
    expect(goesTo(upstream.plan, 'GET')).toBe('a');
    upstream.reconfigure(dbConfig({ read: 'require_replica' }));
    expect(goesTo(upstream.plan, 'GET')).toBe('no_endpoint');
    upstream.reconfigure(upstreamConfig('db'));
    consul.tell(1, [endpoint('z', null)]);
    expect(goesTo(upstream.plan, 'POST')).toBe('z');
    upstream.reconfigure(dbConfig());
    // Nobody has been asked for roles yet, and what worked before goes on working.
    expect([goesTo(upstream.plan, 'POST'), goesTo(upstream.plan, 'GET')]).toEqual(['z', 'z']);
    consul.tell(2, [endpoint('z', 'replica')]);
    expect(goesTo(upstream.plan, 'POST')).toBe('no_endpoint');
  });

  it('wakes who waits for a primary when one is told', () => {
    const { parts, consul, clock } = agentParts();
    const upstream = new Upstream(dbConfig(), parts, NO_OWNER);
    consul.tell(0, [endpoint('a', 'replica')]);
    const before = upstream.plan;
    upstream.reconfigure(dbConfig({ hold: { ...DEFAULT_HOLD, timeMs: 20_000 } }));
    expect(upstream.plan.roles!.hold).toBe(before.roles!.hold);
    const { hold } = upstream.plan.roles!;
    const woken: string[] = [];
    const parked = {
      parkTimer: new Timer({ onTimer: () => undefined }),
      onWake: () => void woken.push(goesTo(before, 'POST')),
    };
    hold.wait(parked, 0, clock.now());
    consul.tell(0, [endpoint('a', 'replica'), endpoint('b', 'primary')]);
    expect(woken).toEqual(['b']);
  });
});

describe('several primaries', () => {
  const MULTI = dbConfig(
    { rule: { ...rolesConfig().rule, kind: 'multi_primary' } },
    { hash: [{ kind: 'header', name: 'x-key', terminal: false }], balancer: { name: 'random' } },
  );
  const KEYS = Array.from({ length: 300 }, (_, i) => ({ 'x-key': `user-${i}` }));

  function multi() {
    const { parts, consul } = agentParts();
    const upstream = new Upstream(MULTI, parts, NO_OWNER);
    const list = (names: string): void =>
      consul.tell(0, [...[...names].map((name) => endpoint(name, 'primary')), endpoint('z', 'replica')]);
    const owners = (): string => KEYS.map((fields) => goesTo(upstream.plan, 'POST', fields)).join('');
    return { upstream, list, owners };
  }

  it('each have their keys, which always go there and never to a replica', () => {
    const { list, owners } = multi();
    list('abc');
    const first = owners();
    expect(owners()).toBe(first);
    for (const name of 'abc') expect(first.split(name).length).toBeGreaterThan(40);
    expect(first).not.toContain('z');
  });

  it('that are lost leave their keys to the next, and nobody else moves; back again they have them back', () => {
    const { list, owners } = multi();
    list('abc');
    const all = owners();
    list('ac');
    const two = owners();
    expect([...two].filter((name, i) => all[i] !== 'b' && name !== all[i])).toEqual([]);
    expect(new Set([...two].filter((_, i) => all[i] === 'b'))).toEqual(new Set(['a', 'c']));
    list('abc');
    expect(owners()).toBe(all);
  });

  it('whose circuit is open leave their keys where they would go without them', () => {
    const { upstream, list, owners } = multi();
    list('ac');
    const two = owners();
    list('abc');
    const all = owners();
    const b = [...upstream.cluster.endpoints].find(({ id }) => id.endsWith('/b'))!;
    for (let i = 0; i < 5; i++) b.gate.settle(b.gate.admit(1_000), FAILURE, 1_000);
    const now = owners();
    expect([...now].every((name, i) => name === (all[i] === 'b' ? two[i] : all[i]))).toBe(true);
  });
});

describe('the ports of roles', () => {
  async function open(config: UpstreamConfig) {
    const made = agentParts();
    const upstreams = new Upstreams(made.parts, new HostRouter(NOTHING_UNDECLARED), NO_LOG, () => undefined);
    await upstreams.open(agentConfig([config]));
    const change = (next: UpstreamConfig): Promise<void> => upstreams.apply(agentConfig([next]));
    const entries = (): readonly string[] =>
      upstreams.all[0]!.entries.map(({ listenerName, port, protocol }) => `${listenerName} ${port} ${protocol}`);
    return { ...made, upstreams, change, entries };
  }

  it('are opened beside its own', async () => {
    const { entries, ports: bound } = await open(dbConfig(ports(2, 3), { listen: listen(1), protocol: 'tcp' }));
    expect(entries()).toEqual(['db 1 tcp', 'db.primary 2 tcp', 'db.replica 3 tcp']);
    expect([...bound.open]).toEqual([2, 3, 1]);
  });

  it('that stay are left alone when others change', async () => {
    const { entries, change, ports: bound } = await open(dbConfig(ports(2, 3), { listen: listen(1) }));
    await change(dbConfig(ports(2, 4), { listen: listen(1) }));
    expect(entries()).toEqual(['db 1 http', 'db.primary 2 http', 'db.replica 4 http']);
    await change(dbConfig(ports(null, null), { listen: listen(1) }));
    expect(entries()).toEqual(['db 1 http']);
    expect(bound.bound).toEqual([2, 3, 1, 4]);
    expect([...bound.open]).toEqual([1]);
  });

  it('are given up with the roles and opened with them', async () => {
    const { entries, change, ports: bound } = await open(upstreamConfig('db', { listen: listen(1) }));
    await change(dbConfig(ports(2, null), { listen: listen(1) }));
    expect(entries()).toEqual(['db 1 http', 'db.primary 2 http']);
    await change(upstreamConfig('db', { listen: listen(1) }));
    expect([...bound.open]).toEqual([1]);
  });

  it('that cannot be opened cost the change and nothing else, and are tried again', async () => {
    const { entries, change, upstreams, clock, ports: bound } = await open(dbConfig(ports(2, 3)));
    bound.open.add(9);
    await change(dbConfig(ports(8, 9)));
    expect(entries()).toEqual(['db.primary 2 http', 'db.replica 3 http']);
    expect([...upstreams.failures.values()][0]).toBeInstanceOf(ListenError);
    bound.open.delete(9);
    clock.advance(1_010);
    await upstreams.apply(agentConfig([dbConfig(ports(8, 9))]));
    expect(entries()).toEqual(['db.primary 8 http', 'db.replica 9 http']);
    expect([...bound.open].sort()).toEqual([8, 9]);
  });

  it('may change places, and take another protocol', async () => {
    const { entries, change } = await open(dbConfig(ports(2, 3), { protocol: 'tcp' }));
    await change(dbConfig(ports(3, 2), { protocol: 'tcp' }));
    expect(entries()).toEqual(['db.primary 3 tcp', 'db.replica 2 tcp']);
    await change(dbConfig(ports(3, 2), { protocol: 'http' }));
    expect(entries()).toEqual(['db.primary 3 http', 'db.replica 2 http']);
  });

  it('are closed with their upstream', async () => {
    const { upstreams, ports: bound } = await open(dbConfig(ports(2, 3)));
    await upstreams.apply(agentConfig([]));
    expect([...bound.open]).toEqual([]);
  });
});
