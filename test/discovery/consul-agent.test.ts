import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { EndpointSpec, ServiceQuery } from '../../src/cluster/snapshot.ts';
import { ConsulClient } from '../../src/discovery/consul-client.ts';
import { ConsulKv } from '../../src/discovery/consul-kv.ts';
import { ConsulSource, type ConsulSourceOptions } from '../../src/discovery/consul-source.ts';
import type { ConsulOptions, RegistrationOptions } from '../../src/discovery/options.ts';
import { Registration } from '../../src/discovery/registration.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { queryFor } from '../support/endpoint-specs.ts';
import { eventually } from '../support/eventually.ts';

const consul = await findConsul();
const clock = new SystemClock();
const random = new SeededRandom(11);
const TOKEN = '6b4f8b1e-7a52-4d4f-9d3a-0c6f5f0d2c11';
/** A wait so short that a test sees what happens when one ends. */
const SHORT: ConsulSourceOptions = { waitMs: 2_000, confirmAfterMs: 5_000 };

const toStop: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

function clientOf(address: string, more: Partial<ConsulOptions> = {}): ConsulClient {
  const tls = { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true };
  const client = new ConsulClient(
    { address, token: null, tokenFile: null, datacenter: null, namespace: null, tls, ...more },
    clock,
  );
  toStop.push(() => client.close());
  return client;
}

function follow(client: ConsulClient, query: string | ServiceQuery, options: ConsulSourceOptions = {}) {
  const ends = new AbortController();
  toStop.push(() => ends.abort());
  const source = new ConsulSource(client, clock, random, NO_LOG, options);
  return source.follow(typeof query === 'string' ? queryFor(query) : query, ends.signal);
}

function register(client: ConsulClient, more: Partial<RegistrationOptions> = {}, isReady = () => true): Registration {
  const service = {
    id: 'app-1',
    name: 'app',
    address: '127.0.0.1',
    port: 8080,
    tags: ['v1'],
    meta: { version: '1' },
    ttlMs: 3_000,
    ...more,
  };
  const registration = new Registration(
    client,
    service,
    { isReady, isServed: async () => false },
    clock,
    random,
    NO_LOG,
  );
  registration.start();
  toStop.push(() => registration.deregister());
  return registration;
}

const ports = (endpoints: readonly EndpointSpec[] | undefined): string =>
  (endpoints ?? []).map(({ port }) => port).join(' ');

describe.skipIf(consul.path === null)(consulTitle('with a Consul agent', consul), () => {
  let agent: ConsulAgent;
  let n = 0;
  /** A service name of its own for each test: they share the agent. */
  let name: string;

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
  });
  afterAll(() => agent?.stop());

  const started = () => {
    name = `svc-${++n}`;
    return clientOf(agent.http.address);
  };

  it('finds services as they come and go, within a blocking query', async () => {
    const watch = follow(started(), name);
    await eventually(() => watch.value !== null);
    expect(watch.value?.endpoints).toEqual([]);
    await agent.http.register(name, `${name}-1`, 1001, { Tags: ['v1'], Meta: { version: '1.2.3' } });
    await agent.http.register(name, `${name}-2`, 1002);
    await agent.http.register(name, `${name}-3`, 1003);
    await eventually(() => ports(watch.value?.endpoints) === '1001 1002 1003');
    expect(watch.value?.endpoints[0]).toEqual({
      id: `127.0.0.1:1001/${name}-1`,
      host: '127.0.0.1',
      port: 1001,
      weight: 1,
      health: 'passing',
      tags: ['v1'],
      meta: { version: '1.2.3' },
      zone: null,
      role: null,
    });
    await agent.http.put(`/agent/service/deregister/${name}-2`);
    await eventually(() => ports(watch.value?.endpoints) === '1001 1003');
    expect(watch.problem).toBe(null);
  });

  it('takes the others when one instance is registered with a port that is none, and names it', async () => {
    const watch = follow(started(), name);
    await agent.http.register(name, 'good', 1001);
    await agent.http.register(name, 'bad', 70_000);
    await eventually(() => ports(watch.value?.endpoints) === '1001' && watch.problem !== null);
    expect(watch.problem).toContain('"bad" has port 70000');
    await agent.http.register(name, 'bad', 1002);
    await eventually(() => ports(watch.value?.endpoints) === '1001 1002' && watch.problem === null);
  });

  it('turns weights, warning, critical and maintenance into weight and health', async () => {
    const watch = follow(started(), name);
    await agent.http.register(name, 'w', 1001, { Weights: { Passing: 10, Warning: 3 } });
    const is = (weight: number, health: string) =>
      eventually(() => watch.value?.endpoints[0]?.weight === weight && watch.value.endpoints[0].health === health);
    await is(10, 'passing');
    await agent.http.setCheck('w', 'warning');
    await is(3, 'warning');
    await agent.http.setCheck('w', 'critical');
    await is(10, 'critical');
    await agent.http.setCheck('w', 'passing');
    await is(10, 'passing');
    await agent.http.put('/agent/service/maintenance/w?enable=true&reason=deploy');
    await is(10, 'maintenance');
    await agent.http.put('/agent/service/maintenance/w?enable=false');
    await is(10, 'passing');
    await agent.http.put('/agent/maintenance?enable=true');
    await is(10, 'maintenance');
    await agent.http.put('/agent/maintenance?enable=false');
    await is(10, 'passing');
  });

  it('asks for a tag and for a filter', async () => {
    const client = started();
    await agent.http.register(name, `${name}-1`, 1001, { Tags: ['v1'] });
    await agent.http.register(name, `${name}-2`, 1002, { Tags: ['v2'] });
    const tagged = follow(client, queryFor(name, { tag: 'v1' }));
    const filtered = follow(client, queryFor(name, { filter: 'Service.Port == 1002' }));
    await eventually(() => ports(tagged.value?.endpoints) === '1001' && ports(filtered.value?.endpoints) === '1002');
  });

  it('says what is wrong with a filter Consul cannot read, and with a datacenter it does not know', async () => {
    const client = started();
    const filter = follow(client, queryFor(name, { filter: 'Service.Nope == 1' }));
    const datacenter = follow(client, queryFor(name, { datacenter: 'dc9' }));
    await eventually(
      () => filter.problem?.includes('Service.Nope') && datacenter.problem?.includes('No path to datacenter'),
    );
    expect(filter.value).toBe(null);
  });

  it('calls the answer fresh again at the end of every wait', async () => {
    const client = started();
    await agent.http.register(name, `${name}-1`, 1001);
    const watch = follow(client, name, SHORT);
    await eventually(() => watch.value !== null);
    const first = watch.freshAt;
    await eventually(() => watch.freshAt > first + 1_500);
    expect(ports(watch.value?.endpoints)).toBe('1001');
  });

  it('keeps the endpoints when all are deregistered at once, until the leader confirms it', async () => {
    const client = started();
    for (const i of [1, 2, 3]) await agent.http.register(name, `${name}-${i}`, 1000 + i);
    const watch = follow(client, name);
    await eventually(() => ports(watch.value?.endpoints) === '1001 1002 1003');
    // One transaction of the catalog takes all three away in one step; anti-entropy would bring them back a minute later.
    const node = (await agent.http.get<{ Node: string }[]>('/catalog/nodes'))[0]!.Node;
    const lost = [1, 2, 3].map((i) => ({
      Service: { Verb: 'delete', Node: node, Service: { ID: `${name}-${i}`, Service: name } },
    }));
    const heldAt = performance.now();
    await agent.http.put('/txn', lost);
    await eventually(() => watch.problem?.includes('3 of 3') === true);
    expect(ports(watch.value?.endpoints)).toBe('1001 1002 1003');
    await eventually(() => watch.value?.endpoints.length === 0);
    expect(performance.now() - heldAt).toBeGreaterThan(5_000);
    expect(watch.problem).toBe(null);
  });

  it('follows a key of the KV store through writes and deletion', async () => {
    const ends = new AbortController();
    toStop.push(() => ends.abort());
    const watch = new ConsulKv(started(), clock, random).follow('remora/config/caller/web', ends.signal);
    await eventually(() => watch.value !== null);
    expect(watch.value).toEqual({ key: 'remora/config/caller/web', text: null, isHeld: false, revision: '0' });
    await agent.http.put('/kv/remora/config/caller/web', 'retry: {}');
    await eventually(() => watch.value?.text === 'retry: {}');
    const { revision } = watch.value!;
    await agent.http.put('/kv/remora/config/caller/web', '');
    await eventually(() => watch.value?.text === '');
    expect(BigInt(watch.value!.revision)).toBeGreaterThan(BigInt(revision));
    await agent.http.call('DELETE', '/kv/remora/config/caller/web');
    await eventually(() => watch.value?.text === null);
    expect(watch.problem).toBe(null);
  });

  it('holds a key under a session, and lets it go with the session', async () => {
    const client = started();
    const never = new AbortController().signal;
    const session = await client.createSession('remora', 10_000, never);
    expect(await client.putKv('remora/status/web/1', 'mine', session, never)).toBe(true);
    const other = await client.createSession('other', 10_000, never);
    expect(await client.putKv('remora/status/web/1', 'theirs', other, never)).toBe(false);
    expect(await client.renewSession(session, never)).toBe(true);
    await client.destroySession(session, never);
    expect(await client.renewSession(session, never)).toBe(false);
    expect((await agent.http.call('GET', '/kv/remora/status/web/1')).status).toBe(404);
    await client.destroySession(other, never);
  });

  it('registers the local service, keeps it passing past its TTL, drains and removes it', async () => {
    const client = started();
    const watch = follow(client, name);
    const registration = register(client, { id: `${name}-1`, name });
    await eventually(() => watch.value?.endpoints[0]?.health === 'passing');
    expect(watch.value?.endpoints[0]).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      tags: ['v1'],
      meta: { version: '1' },
    });
    const seen = new Set<string>();
    watch.subscribe((snapshot) => seen.add(snapshot.endpoints.map(({ health }) => health).join()));
    const startedAt = performance.now();
    await eventually(() => performance.now() - startedAt > 4_500);
    expect([...seen]).toEqual(['passing']);

    expect(await registration.drain('stopping')).toBe(true);
    await eventually(() => watch.value?.endpoints[0]?.health === 'maintenance');
    expect(await registration.deregister()).toBe(true);
    await eventually(
      async () =>
        ((await agent.http.get<object>('/agent/services')) as Record<string, unknown>)[`${name}-1`] === undefined,
    );
  });

  it('tells Consul when the sidecar is not ready', async () => {
    let isReady = false;
    const client = started();
    const watch = follow(client, name);
    register(client, { id: `${name}-1`, name }, () => isReady);
    await eventually(() => watch.value?.endpoints[0]?.health === 'critical');
    isReady = true;
    await eventually(() => watch.value?.endpoints[0]?.health === 'passing', 1_500);
  });

  it('tells who holds an id, and whether its heartbeats have stopped', async () => {
    const client = started();
    const { signal } = new AbortController();
    expect(await client.registered(name, signal)).toBe(null);
    const service = { id: name, name, address: '10.0.0.1', port: 81, tags: [], meta: {}, ttlMs: 1_000 };
    await client.register(service, 'passing', signal);
    expect(await client.registered(name, signal)).toEqual({ address: '10.0.0.1', port: 81, isForsaken: false });
    await client.updateCheck(`${name}-ttl`, 'critical', 'not ready', signal);
    expect(await client.registered(name, signal)).toMatchObject({ isForsaken: false });
    await eventually(async () => (await client.registered(name, signal))?.isForsaken === true);
    await client.updateCheck(`${name}-ttl`, 'warning', 'here again', signal);
    expect(await client.registered(name, signal)).toMatchObject({ isForsaken: false });
    await client.maintenance(name, true, 'leaving', signal);
    expect(await client.registered(name, signal)).toMatchObject({ isForsaken: true });
    await client.deregister(name, signal);
    expect(await client.registered(name, signal)).toBe(null);
  });

  it('registers again within a heartbeat when Consul has forgotten the service', async () => {
    const client = started();
    const watch = follow(client, name);
    const registration = register(client, { id: `${name}-1`, name });
    await eventually(() => watch.value?.endpoints.length === 1 && registration.problem === null);
    await agent.http.put(`/agent/service/deregister/${name}-1`);
    const isListed = async () => (await agent.http.get<unknown[]>(`/health/service/${name}?passing=1`)).length === 1;
    expect(await isListed()).toBe(false);
    await eventually(isListed, 3_000);
  });

  it('stays in maintenance when Consul forgets a service that is leaving', async () => {
    const client = started();
    const watch = follow(client, name);
    const registration = register(client, { id: `${name}-1`, name });
    await eventually(() => watch.value?.endpoints[0]?.health === 'passing' && registration.problem === null);
    await registration.drain('stopping');
    await agent.http.put(`/agent/service/deregister/${name}-1`);
    await eventually(async () => {
      const text = JSON.stringify(await agent.http.get(`/health/service/${name}`));
      return text.includes(`_service_maintenance:${name}-1`);
    });
  });
});

describe.skipIf(consul.path === null)(consulTitle('with a Consul agent of its own', consul), () => {
  it('keeps the last good endpoints when the agent loses its data, and sees new ones within seconds', async () => {
    const agent = await ConsulAgent.start(consul.path!);
    toStop.unshift(() => agent.stop());
    const client = clientOf(agent.http.address);
    const watch = follow(client, 'web');
    const registration = register(client);
    const app = follow(client, 'app');
    for (const i of [1, 2, 3]) await agent.http.register('web', `web-${i}`, 1000 + i);
    await eventually(() => ports(watch.value?.endpoints) === '1001 1002 1003' && app.value?.endpoints.length === 1);
    const smallest = { web: 3, app: 1 };
    watch.subscribe(({ endpoints }) => (smallest.web = Math.min(smallest.web, endpoints.length)));
    app.subscribe(({ endpoints }) => (smallest.app = Math.min(smallest.app, endpoints.length)));

    await agent.kill();
    await eventually(() => watch.problem !== null);
    expect(ports(watch.value?.endpoints)).toBe('1001 1002 1003');

    await agent.restart();
    const backAt = performance.now();
    await agent.http.register('web', 'web-4', 1004);
    await eventually(() => ports(watch.value?.endpoints) === '1001 1002 1003 1004', 6_000);
    await eventually(
      async () => (await agent.http.get<unknown[]>('/health/service/app?passing=1')).length === 1,
      6_000,
    );
    await eventually(() => registration.problem === null);
    // The old ones are kept for longer than the ordinary five seconds: their sidecars need time to come back.
    await eventually(() => performance.now() - backAt > 7_000);
    expect(smallest).toEqual({ web: 3, app: 1 });
    for (const i of [1, 2, 3]) await agent.http.register('web', `web-${i}`, 1000 + i);
    await eventually(() => watch.problem === null);
    expect(ports(watch.value?.endpoints)).toBe('1001 1002 1003 1004');
  });

  it('says that its token is refused, and works from the moment the token file holds a good one', async () => {
    const agent = await ConsulAgent.start(consul.path!, { masterToken: TOKEN });
    toStop.unshift(() => agent.stop());
    const folder = await mkdtemp(join(tmpdir(), 'remora-acl-'));
    toStop.push(() => rm(folder, { recursive: true }));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, '00000000-0000-0000-0000-000000000000');
    await agent.http.register('web', 'web-1', 1001);

    const never = new AbortController().signal;
    const client = clientOf(agent.http.address, { tokenFile });
    const needed = [{ kind: 'service', name: 'web' }] as const;
    await expect(client.checkRights(needed, queryFor('web'), never)).rejects.toThrow(/403: ACL not found/);
    const refused = follow(client, 'web');
    await eventually(() => refused.problem?.includes('403') === true);
    expect(refused.value).toBe(null);
    const registration = register(client);
    await eventually(() => registration.problem?.includes('403') === true);

    await writeFile(tokenFile, `${TOKEN}\n`);
    expect(await client.checkRights(needed, queryFor('web'), never)).toBe('granted');
    const watch = follow(client, 'web');
    await eventually(() => ports(watch.value?.endpoints) === '1001');
    await eventually(() => registration.problem === null);
  });

  it('keeps its endpoints when its token is taken away', async () => {
    const agent = await ConsulAgent.start(consul.path!, { masterToken: TOKEN });
    toStop.unshift(() => agent.stop());
    const rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
    await agent.http.put('/acl/policy', { Name: 'reader', Rules: rules });
    const made = await agent.http.put('/acl/token', { Policies: [{ Name: 'reader' }] });
    const { SecretID, AccessorID } = JSON.parse(made) as { SecretID: string; AccessorID: string };
    for (const i of [1, 2]) await agent.http.register('web', `web-${i}`, 1000 + i);
    const watch = follow(clientOf(agent.http.address, { token: SecretID }), 'web', SHORT);
    await eventually(() => ports(watch.value?.endpoints) === '1001 1002');
    await agent.http.call('DELETE', `/acl/token/${AccessorID}`);
    await eventually(() => watch.problem !== null);
    expect(ports(watch.value?.endpoints)).toBe('1001 1002');
  });

  it('keeps its endpoints for ever when its token loses the right to read the service or its nodes', async () => {
    const agent = await ConsulAgent.start(consul.path!, { masterToken: TOKEN });
    toStop.unshift(() => agent.stop());
    const nodes = 'node_prefix "" { policy = "read" }';
    const services = 'service_prefix "" { policy = "read" }';
    const losers: { name: string; left: string; why: RegExp; ID: string; SecretID: string }[] = [];
    for (const { name, left, why } of [
      { name: 'x', left: nodes, why: /may not read service "web"/ },
      { name: 'y', left: services, why: /may not read node "n1"/ },
    ]) {
      const made = await agent.http.put('/acl/policy', { Name: name, Rules: `${services} ${nodes}` });
      const { ID } = JSON.parse(made) as { ID: string };
      const token = await agent.http.put('/acl/token', { Policies: [{ Name: name }] });
      const { SecretID } = JSON.parse(token) as { SecretID: string };
      losers.push({ name, left, why, ID, SecretID });
    }
    for (const i of [1, 2]) await agent.http.register('web', `web-${i}`, 1000 + i);
    const eager: ConsulSourceOptions = {
      waitMs: 1_000,
      confirmAfterMs: 200,
      // Losing and getting back rights is trouble, when a poll falls into it.
      confirmAfterTroubleMs: 400,
      rightsMemoryMs: 1_000,
    };
    const watches = losers.map(({ SecretID }) =>
      follow(clientOf(agent.http.address, { token: SecretID }), 'web', eager),
    );
    for (const watch of watches) await eventually(() => ports(watch.value?.endpoints) === '1001 1002');
    for (const { ID, name, left } of losers) await agent.http.put(`/acl/policy/${ID}`, { Name: name, Rules: left });
    for (const [i, watch] of watches.entries()) await eventually(() => losers[i]!.why.test(watch.problem ?? ''));
    // Ten times what it takes to believe a loss that is one.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (const watch of watches) expect(ports(watch.value?.endpoints)).toBe('1001 1002');

    const { ID, name } = losers[0]!;
    await agent.http.put(`/acl/policy/${ID}`, { Name: name, Rules: `${services} ${nodes}` });
    await eventually(() => watches[0]!.problem === null, 10_000);
    for (const i of [1, 2]) await agent.http.put(`/agent/service/deregister/web-${i}`);
    await eventually(() => watches[0]!.value?.endpoints.length === 0, 10_000);
    expect(ports(watches[1]!.value?.endpoints)).toBe('1001 1002');
  });

  it('reaches the agent through its unix socket, and has no need of a token where there are no ACLs', async () => {
    const agent = await ConsulAgent.start(consul.path!, { withSocket: true });
    toStop.unshift(() => agent.stop());
    const client = clientOf(`unix://${agent.socketPath}`);
    const needed = [{ kind: 'service', name: 'web' }] as const;
    expect(await client.checkRights(needed, queryFor('web'), new AbortController().signal)).toBe('open');
    const watch = follow(client, 'web');
    await agent.http.register('web', 'web-1', 1001);
    await eventually(() => ports(watch.value?.endpoints) === '1001');
    const registration = register(client);
    await eventually(() => registration.problem === null);
  });

  it('reaches the agent over TLS with a certificate of its own, and not without', async () => {
    const agent = await ConsulAgent.start(consul.path!, { withTls: true });
    toStop.unshift(() => agent.stop());
    const { address, ...files } = agent.tls!;
    await agent.http.register('web', 'web-1', 1001);
    const plain = { serverName: null, verify: true, caFile: null, certFile: null, keyFile: null };

    const known = follow(clientOf(address, { tls: { ...plain, ...files } }), 'web');
    const named = follow(clientOf(address, { tls: { ...plain, ...files, serverName: 'server.dc1.consul' } }), 'web');
    await eventually(() => ports(known.value?.endpoints) === '1001' && ports(named.value?.endpoints) === '1001');

    const strangers = [
      { tls: { ...plain, certFile: files.certFile, keyFile: files.keyFile }, why: /certificate/ },
      { tls: { ...plain, caFile: files.caFile }, why: /certificate|ECONNRESET|hang up/ },
      { tls: { ...plain, ...files, serverName: 'other.example' }, why: /altnames/ },
      { tls: { ...plain, ...files, keyFile: '/nonexistent' }, why: /ENOENT/ },
    ];
    for (const { tls, why } of strangers) {
      const watch = follow(clientOf(address, { tls }), 'web');
      await eventually(() => why.test(watch.problem ?? ''));
      expect(watch.value).toBe(null);
    }
  });
});
