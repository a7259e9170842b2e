import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { type ApplyOptions, runApply } from '../../src/cli/config/apply.ts';
import { runCheckAll } from '../../src/cli/config/check-layers.ts';
import { consulPolicy, type PolicyOptions } from '../../src/cli/config/consul-policy.ts';
import { runHistory } from '../../src/cli/config/history.ts';
import { runInit } from '../../src/cli/config/init.ts';
import { runPlan } from '../../src/cli/config/plan.ts';
import { type LayerName, objectionKey, rolloutKey, statusKey } from '../../src/config/kv-keys.ts';
import type { ConsulRead } from '../../src/discovery/consul-api.ts';
import { ConsulClient } from '../../src/discovery/consul-client.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { Desk } from '../cli/operator.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';

const consul = await findConsul();
const MASTER = '11111111-2222-3333-4444-555555555555';
const TLS = { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true };
const READ: ConsulRead = { mode: 'leader', index: 0n, waitMs: 0, timeoutMs: 5_000 };
const QUERY = {
  service: 'orders',
  datacenter: null,
  namespace: null,
  filter: null,
  tag: null,
  connect: false,
  roles: null,
};
const SERVICE = { id: 'web-1', name: 'web', address: '127.0.0.1', port: 1, tags: [], meta: {}, ttlMs: 10_000 };
const NEVER = new AbortController().signal;
const ALL_BUT_SERVICES: readonly (readonly [LayerName, string])[] = [
  ['mesh', 'defaults: { timeouts: { connect: 1s } }\n'],
  ['caller/web', 'upstreams: { orders: { panic: 0.2 } }\n'],
];

/** Something that a token is for, or is not for: rejects, or answers false, where Consul does not let it. */
type Deed = (client: ConsulClient) => Promise<unknown>;

const keysBelow = async (client: ConsulClient, prefix: string): Promise<readonly string[]> =>
  (await client.kvTree(prefix, READ, NEVER)).value.map(({ key }) => key);
const hasKeys =
  (prefix: string, ...wanted: readonly string[]): Deed =>
  async (client) => {
    const keys = await keysBelow(client, prefix);
    return wanted.every((key) => keys.includes(key));
  };
const readsKey =
  (key: string): Deed =>
  async (client) =>
    (await client.kv(key, READ, NEVER)).value.text !== null;
const puts =
  (key: string): Deed =>
  (client) =>
    client.putKv(key, '{}', null, NEVER);

/** What a sidecar of web does. With `keyList`, no more is listed than there is a right for. */
const sidecarDeeds = (keyList: boolean): Readonly<Record<string, Deed>> => ({
  ...(keyList
    ? {
        'reads the document of the mesh': readsKey('remora/config/mesh'),
        'lists the documents of services': hasKeys('remora/config/service/', 'remora/config/service/orders'),
        'reads its own document': readsKey('remora/config/caller/web'),
        'reads the rollout of the mesh': readsKey(rolloutKey('mesh')),
        'lists the rollouts of services': hasKeys('remora/rollout/service/', rolloutKey('service/orders')),
        'reads its own rollout': readsKey(rolloutKey('caller/web')),
        'lists the objections': hasKeys('remora/rollout/objection/', objectionKey('cart', 'cart-1')),
      }
    : {
        'follows documents': hasKeys(
          'remora/config/',
          ...['remora/config/mesh', 'remora/config/service/orders', 'remora/config/caller/web'],
        ),
        'follows rollouts': hasKeys(
          'remora/rollout/',
          ...['remora/rollout/', rolloutKey('mesh'), rolloutKey('service/orders'), rolloutKey('caller/web')],
          objectionKey('cart', 'cart-1'),
        ),
      }),
  'finds endpoints': async (client) => (await client.health(QUERY, READ, NEVER)).value.length === 1,
  'reads the entries of a service': (client) => client.discoveryChain('orders', READ, NEVER),
  'registers itself': (client) => client.register(SERVICE, 'passing', NEVER).then(() => true),
  'tells its status under a session': async (client) => {
    const session = await client.createSession('remora web-1', 10_000, NEVER);
    const isTold = await client.putKv(statusKey('web', 'web-1'), '{}', session, NEVER);
    await client.destroySession(session, NEVER);
    return isTold;
  },
  objects: puts(objectionKey('web', 'web-1')),
});

const FORBIDDEN_TO_SIDECARS: Readonly<Record<string, Deed>> = {
  'writes the document of the mesh': puts('remora/config/mesh'),
  'writes the document of a service': puts('remora/config/service/orders'),
  'writes its own document': puts('remora/config/caller/web'),
  'stages a rollout': puts(rolloutKey('caller/web')),
  'writes history': puts('remora/history/mesh/00000000000000000001'),
  'tells the status of others': puts(statusKey('cart', 'cart-1')),
  'objects for others': puts(objectionKey('cart', 'cart-1')),
  "reads others' documents": readsKey('remora/config/caller/cart'),
  "reads others' rollouts": readsKey(rolloutKey('caller/cart')),
  'reads statuses of others': readsKey(statusKey('cart', 'cart-1')),
  'registers another service': (client) =>
    client.register({ ...SERVICE, id: 'x', name: 'x' }, 'passing', NEVER).then(() => true),
};

const clock = new SystemClock();

describe.skipIf(consul.path === null).each([false, true])(
  consulTitle('the policies of roles, enable_key_list_policy = %s', consul),
  { timeout: 60_000 },
  (keyList) => {
    let agent: ConsulAgent;
    const clients: ConsulClient[] = [];
    let policies = 0;

    const clientWith = async (rules: string): Promise<{ readonly client: ConsulClient; readonly token: string }> => {
      const Name = `policy-${policies++}`;
      await agent.http.put('/acl/policy', { Name, Rules: rules });
      const made = JSON.parse(await agent.http.put('/acl/token', { Policies: [{ Name }] })) as { SecretID: string };
      const token = made.SecretID;
      const options = {
        address: agent.http.address,
        token,
        tokenFile: null,
        datacenter: null,
        namespace: null,
        tls: TLS,
      };
      const client = new ConsulClient(options, clock);
      clients.push(client);
      return { client, token };
    };
    const policy = (more: Partial<PolicyOptions> & Pick<PolicyOptions, 'role'>): string =>
      consulPolicy({ service: null, node: 'n1', keyList, ...more });
    const succeeds = (deed: Deed, client: ConsulClient): Promise<boolean> =>
      deed(client).then(
        (done) => done !== false,
        (error: unknown) => {
          if (error instanceof ConsulError && error.status === 403) return false;
          throw error;
        },
      );

    beforeAll(async () => {
      agent = await ConsulAgent.start(consul.path!, { masterToken: MASTER, keyListPolicy: keyList });
      await agent.http.register('orders', 'orders-1', 8080);
      const layers: readonly LayerName[] = ['mesh', 'service/orders', 'caller/web', 'caller/cart'];
      const keys = [
        ...layers.flatMap((layer) => [`remora/config/${layer}`, rolloutKey(layer)]),
        objectionKey('cart', 'cart-1'),
        statusKey('cart', 'cart-1'),
      ];
      for (const key of keys) await agent.http.put(`/kv/${key}`, '{}');
      await agent.http.put('/kv/remora/rollout/', '');
    });

    afterAll(async () => {
      for (const client of clients) client.close();
      await agent?.stop();
    });

    it('let a sidecar do what it does, and nothing for others', async () => {
      const { client } = await clientWith(policy({ role: 'sidecar', service: 'web' }));
      const done: string[] = [];
      const deeds = sidecarDeeds(keyList);
      for (const [name, deed] of Object.entries(deeds)) if (await succeeds(deed, client)) done.push(name);
      expect(done).toEqual(Object.keys(deeds));
      for (const [name, deed] of Object.entries(FORBIDDEN_TO_SIDECARS)) {
        if (await succeeds(deed, client)) done.push(name);
      }
      expect(done).toEqual(Object.keys(deeds));
      if (!keyList) expect(await keysBelow(client, 'remora/config/')).not.toContain('remora/config/caller/cart');
    });

    it('give a sidecar no right that it can do without', async () => {
      const lines = policy({ role: 'sidecar', service: 'web' })
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'));
      const needless: string[] = [];
      for (const line of lines) {
        const { client } = await clientWith(lines.filter((other) => other !== line).join('\n'));
        let isMissed = false;
        for (const deed of Object.values(sidecarDeeds(keyList))) isMissed ||= !(await succeeds(deed, client));
        if (!isMissed) needless.push(line);
      }
      expect(needless).toEqual([]);
    });

    const apply = (desk: Desk, layer: LayerName, text: string, more: Partial<ApplyOptions> = {}): Promise<number> =>
      runApply(desk.operator, {
        layer,
        file: desk.file('a.yaml', text),
        base: null,
        message: '',
        waitMs: null,
        canary: null,
        ...more,
      });

    it('are enough for a sidecar as it is: it takes every layer, tells its status, and complains of nothing', async () => {
      const { token } = await clientWith(policy({ role: 'sidecar', service: 'web' }));
      // Of a test before this one, which has no sidecar behind it that could tell a status.
      await agent.http.put(`/agent/service/deregister/${SERVICE.id}`);
      const sidecar = await Sidecar.start({
        service: { name: 'web', id: 'web-9', port: 8080 },
        upstreams: { orders: { port: 0, protocol: 'http' } },
        consul: { address: agent.http.address, token },
      });
      const operator = await clientWith(policy({ role: 'operator' }));
      const desk = new Desk(operator.client, clock, 'ann@desk', 9);
      try {
        await eventually(() => readsKey(statusKey('web', 'web-9'))(operator.client) as Promise<boolean>);
        const documents: readonly (readonly [LayerName, string])[] = [
          ['service/orders', 'timeouts: { request: 8s }\n'],
          // A status is told every five seconds at most; with one query for all layers one of them will do.
          ...(keyList ? ALL_BUT_SERVICES : []),
        ];
        for (const [layer, text] of documents) {
          expect(await apply(desk, layer, text, { waitMs: 20_000 }), desk.said).toBe(0);
          expect(desk.heard().at(-1)).toMatch(/^1 of 1 sidecars applied it/);
        }
        const config = await (await sidecar.get('/config')).text();
        expect(config).toMatch(/"request": *"8s"/);
        expect(config).not.toContain('Permission denied');
        expect(sidecar.log.filter(({ event }) => /refused|unreachable/.test(event))).toEqual([]);
      } finally {
        await sidecar.kill();
      }
    });

    it('let an operator prepare, apply and look, and register nothing', async () => {
      const { client } = await clientWith(policy({ role: 'operator' }));
      const desk = new Desk(client, clock);
      expect(await runInit(desk.operator)).toBe(0);
      for (const layer of ['mesh', 'caller/new'] as const) {
        expect(await apply(desk, layer, 'defaults: { timeouts: { request: 9s } }\n'), desk.said).toBe(0);
      }
      expect(await apply(desk, 'service/new', 'timeouts: { request: 9s }\n')).toBe(0);
      expect(await runHistory(desk.operator, 'mesh', { json: false })).toBe(0);
      expect(await runCheckAll(desk.operator)).toBe(0);
      expect(await succeeds(hasKeys('remora/status/', statusKey('cart', 'cart-1')), client)).toBe(true);
      expect(await succeeds(puts(statusKey('cart', 'cart-1')), client)).toBe(false);
      expect(await succeeds((other) => other.register(SERVICE, 'passing', NEVER), client)).toBe(false);
    });

    it('let the owner of a service say how it is called and what its sidecars add, and nothing else', async () => {
      const { client } = await clientWith(policy({ role: 'operator', service: 'orders' }));
      const desk = new Desk(client, clock, 'olga@desk', 3);
      expect(await apply(desk, 'service/orders', 'timeouts: { request: 7s }\n'), desk.said).toBe(0);
      expect(await apply(desk, 'caller/orders', 'defaults: { timeouts: { request: 7s } }\n')).toBe(0);
      desk.heard();
      for (const layer of ['mesh', 'caller/web'] as const) {
        expect(await apply(desk, layer, 'defaults: { timeouts: { request: 6s } }\n')).toBe(1);
        const [why, advice] = desk.heard().slice(-2);
        expect(why).toMatch(/^not applied: .*(403|Permission denied)/);
        expect(advice).toContain('remora consul-policy --role operator');
      }
    });

    it('let a reader see everything and change nothing', async () => {
      const { client } = await clientWith(policy({ role: 'reader' }));
      const desk = new Desk(client, clock, 'rita@desk', 4);
      const file = desk.file('b.yaml', 'timeouts: { request: 1s }\n');
      expect(await runPlan(desk.operator, { layer: 'service/orders', file, json: false })).toBe(0);
      expect(await runHistory(desk.operator, 'service/orders', { json: false })).toBe(0);
      expect(await succeeds(hasKeys('remora/', statusKey('cart', 'cart-1'), 'remora/config/caller/cart'), client)).toBe(
        true,
      );
      expect(await apply(desk, 'service/orders', 'timeouts: { request: 2s }\n')).toBe(1);
      expect(await succeeds(puts('remora/config/mesh'), client)).toBe(false);
    });
  },
);
