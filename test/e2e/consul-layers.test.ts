// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigLayerView, ConfigView } from '../../src/admin/agent-view.ts';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { ask, complain } from './mesh.ts';

const consul = await findConsul();
const CHANGES = 1_000;

/** Says its name at once, and counts the connections that were ever made to it. */
class Origin {
  connections = 0;
  private constructor(
    readonly name: string,
    private readonly server: Server,
  ) {}

  static async start(name: string): Promise<Origin> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (_asked, answer) => answer.end(name));
    const origin = new Origin(name, server);
    server.on('connection', () => (origin.connections += 1));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return origin;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Stands before Consul and writes down what it is asked. */
class Ledger {
  readonly asked: string[] = [];
  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async start(port: number): Promise<Ledger> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const ledger = new Ledger(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (asked: IncomingMessage, answer: ServerResponse) => {
      ledger.asked.push(asked.url ?? '');
      const { method, url, headers } = asked;
      const onward = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (found) => {
        answer.writeHead(found.statusCode ?? 500, found.headers);
        found.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      answer.on('close', () => onward.destroy());
      asked.pipe(onward);
    });
    return ledger;
  }

  count(part: string): number {
    return this.asked.filter((url) => url.includes(part)).length;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe.skipIf(consul.path === null)(consulTitle('documents of all layers in Consul KV', consul), () => {
  let agent: ConsulAgent;
  let orders: Origin;
  let stock: Origin;
  let web: Sidecar;
  let ledger: Ledger;

  const write = (layer: string, document: object | string): Promise<string> =>
    agent.http.put(`/kv/remora/config/${layer}`, document);
  const config = async (): Promise<ConfigView> => (await (await web.get('/config')).json()) as ConfigView;
  const layerOf = async (layer: string): Promise<ConfigLayerView> =>
    (await config()).layers.find(({ name }) => name === `remora/config/${layer}`)!;
  const timeouts = async (): Promise<Record<string, string>> => {
    const { effective } = await config();
    return (effective as { upstreams: { orders: { timeouts: Record<string, string> } } }).upstreams.orders.timeouts;
  };
  const becomes = (key: string, value: string): Promise<unknown> =>
    eventually(async () => (await timeouts())[key] === value || complain(`${key} is ${(await timeouts())[key]}`));
  const start = async (more: object = {}): Promise<Sidecar> => {
    web = await Sidecar.start({
      service: { name: 'web', port: 8080 },
      outbound: { port: 0 },
      upstreams: { orders: { protocol: 'http' }, stock: { protocol: 'http' } },
      consul: { address: ledger.address },
      ...more,
    });
    return web;
  };

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    orders = await Origin.start('orders');
    stock = await Origin.start('stock');
  });

  beforeEach(async () => {
    ledger = await Ledger.start(agent.http.port);
    await agent.http.register('orders', 'o1', orders.port);
    await agent.http.register('stock', 's1', stock.port);
    await agent.http.call('DELETE', '/kv/remora/?recurse');
    await write('mesh', '{}');
  });

  afterEach(async () => {
    await web?.kill();
    await ledger.stop();
  });

  afterAll(async () => {
    await orders?.stop();
    await stock?.stop();
    await agent?.stop();
  });

  it('reach traffic within a second, each over those below it', async () => {
    await start();
    const port = web.port('outbound');
    expect((await ask(port, '/', { host: 'orders' })).body).toBe('orders');
    const startedAt = performance.now();
    await write('mesh', { routes: { swap: { hosts: ['orders'], to: 'stock' } } });
    await eventually(async () => (await ask(port, '/', { host: 'orders' })).body === 'stock');
    expect(performance.now() - startedAt).toBeLessThan(1_000);

    await write('mesh', {
      allowEmpty: true,
      defaults: { timeouts: { request: '11s', connect: '2s', streamIdle: '61s' } },
    });
    await write('service/orders', { timeouts: { request: '12s', connect: '3s' } });
    await write('caller/web', { upstreams: { orders: { timeouts: { request: '13s' } } } });
    await write('caller/other', { upstreams: { orders: { timeouts: { request: '99s' } } } });
    await becomes('request', '13s');
    expect(await timeouts()).toMatchObject({ connect: '3s', streamIdle: '61s' });
    expect((await ask(port, '/', { host: 'orders' })).body).toBe('orders');
    const { origins } = (await (await web.get('/config?origins')).json()) as {
      origins: Record<string, { source: string }>;
    };
    expect(origins['upstreams.orders.timeouts.request']!.source).toBe('kv:remora/config/caller/web');
    expect(origins['upstreams.orders.timeouts.connect']!.source).toBe('kv:remora/config/service/orders');
    expect((await config()).layers.map(({ name }) => name)).not.toContain('remora/config/caller/other');
  });

  it('that are no good leave the last good ones in force, and are complained about wherever operators look', async () => {
    await write('caller/web', { upstreams: { orders: { timeouts: { request: '20s' } } } });
    await start();
    await becomes('request', '20s');
    const before = await layerOf('caller/web');
    const whole = 'upstreams: { orders: { timeouts: { request: 30s } } }\n';
    const sealed = `# remora sha256=${createHash('sha256').update(whole).digest('hex')}\n`;
    const bad: readonly (readonly [text: string, found: RegExp])[] = [
      ['upstreams: [', /broken YAML/],
      ['{"upstreams":', /broken|flow/i],
      ['upstreams: { orders: { timeouts: { requst: 1s } } }', /an unknown key/],
      ['upstreams: { orders: { timeouts: { request: 5 } } }', /^5$/],
      ['upstreams: { extra: { protocol: tcp } }', /tcp without a port/],
      ['admin: { port: 1 }', /a local setting/],
      ['upstreams: { orders: { breaker: null, tag: "${env:HOME}" } }', /env:HOME/],
      [`${'{ a: '.repeat(64)}1${' }'.repeat(64)}`, /nested/],
      [sealed + whole.slice(0, -9), /not the one its first line was written for/],
      ['d: *z', /\*z/],
    ];
    for (const [at, [text, found]] of bad.entries()) {
      await write('caller/web', text);
      const seen = await eventually(async () => {
        const { problems, revision } = await layerOf('caller/web');
        expect(revision).toBe(before.revision);
        return problems.length > 0 && problems.map((one) => one.found).some((one) => found.test(one)) && problems;
      }).catch((error: unknown) => complain(`${text.slice(0, 80)}: ${error}`));
      expect(seen).toBeTruthy();
      await eventually(
        async () => (await web.metric('remora_config_refused_total', { layer: 'remora/config/caller/web' })) >= at + 1,
      );
    }
    expect(await timeouts()).toMatchObject({ request: '20s' });
    expect((await ask(web.port('outbound'), '/', { host: 'orders' })).body).toBe('orders');
    expect(web.hasEvent('config_refused', { source: 'kv:remora/config/caller/web' })).toBe(true);
    expect(await web.metric('remora_config_last_reload_successful', { layer: 'remora/config/caller/web' })).toBe(0);

    await agent.http.call('DELETE', '/kv/remora/config/caller/web');
    await eventually(async () => /no such key/.test(JSON.stringify((await layerOf('caller/web')).problems)));
    expect(await timeouts()).toMatchObject({ request: '20s' });
    await write('caller/web', sealed + whole);
    await becomes('request', '30s');
    expect((await layerOf('caller/web')).problems).toEqual([]);
  });

  it(`change ${CHANGES} times in a row under an open load, and no request fails, goes astray or makes a connection anew`, async () => {
    await start();
    const port = web.port('outbound');
    const route = (more: object): object => ({
      routes: {
        a: { hosts: ['shop'], match: { path: { prefix: '/a' } }, to: 'orders' },
        b: { hosts: ['shop'], match: { path: { prefix: '/b' } }, to: 'stock' },
        ...more,
      },
    });
    await write('mesh', route({}));
    await eventually(async () => (await ask(port, '/a', { host: 'shop' })).body === 'orders');
    const client = new Agent({ keepAlive: true, maxSockets: 8 });
    const failures: string[] = [];
    let answered = 0;
    let sent = 0;
    const pending = new Set<Promise<void>>();
    const send = (): void => {
      const [path, wanted] = sent++ % 2 === 0 ? ['/a', 'orders'] : ['/b', 'stock'];
      const one = ask(port, path, { host: 'shop', agent: client }).then(
        ({ status, body }) => {
          answered += 1;
          if (status !== 200 || body !== wanted) failures.push(`${path}: ${status} ${body}`);
        },
        (error: unknown) => void failures.push(`${path}: ${error}`),
      );
      pending.add(one);
      void one.finally(() => pending.delete(one));
    };
    const timer = setInterval(send, 4);
    try {
      await eventually(() => answered > 200);
      const before = orders.connections + stock.connections;
      for (let at = 1; at <= CHANGES; at++) {
        // A harmless value each time; and now and then a route, and an upstream that only it names.
        const more = at % 10 === 0 ? { c: { hosts: ['shop'], match: { path: { prefix: '/c' } }, to: 'third' } } : {};
        await write('mesh', { ...route(more), telemetry: { sampleRatio: (at % 100) / 1_000 } });
        if (at % 50 === 0) await write('service/orders', { timeouts: { streamIdle: `${at}s` } });
      }
      await becomes('streamIdle', `${CHANGES}s`).catch(async () => becomes('streamIdle', '16m40s'));
      const asked = answered;
      await eventually(() => answered > asked + 200);
      clearInterval(timer);
      await Promise.all(pending);
      expect(failures).toEqual([]);
      // Connections that a burst needs are not those that a change closed.
      expect(orders.connections + stock.connections - before).toBeLessThanOrEqual(8);
      expect(await web.metric('remora_config_settlings_total', { fate: 'failed' })).toBe(0);
      expect(await web.metric('remora_bugs_total')).toBe(0);
    } finally {
      clearInterval(timer);
      client.destroy();
    }
  }, 120_000);

  it('are followed by one query, which nothing that stands elsewhere wakes', async () => {
    await start();
    await eventually(() => ledger.count('/v1/kv/remora%2Fconfig%2F') >= 2);
    const before = ledger.count('/v1/kv/');
    for (let at = 0; at < 50; at++) {
      await agent.http.put(`/kv/remora/status/web/${at % 5}`, `{"at":${at}}`);
      await agent.http.put(`/kv/remora/history/mesh/${at}`, '{}');
      await agent.http.put('/kv/other', `${at}`);
    }
    await write('mesh', 'defaults: { timeouts: { request: 17s } }');
    await becomes('request', '17s');
    // The one that this write ended, and the one that waits now.
    const config = ledger.asked.slice().filter((url) => url.includes('remora%2Fconfig%2F'));
    expect(config.every((url) => url.includes('recurse=true'))).toBe(true);
    expect(ledger.count('/v1/kv/') - before).toBeLessThanOrEqual(2);
  });

  it('outlive Consul on disk: a start without it is configured as the last run was', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'remora-layers-'));
    try {
      await write('service/orders', { timeouts: { request: '23s' } });
      await start({ stateDir });
      await becomes('request', '23s');
      expect(await web.stop()).toBe(0);
      await ledger.stop();
      await start({ stateDir });
      expect(await timeouts()).toMatchObject({ request: '23s' });
      expect((await layerOf('service/orders')).unreachable).not.toBeNull();
      expect((await ask(web.port('outbound'), '/', { host: 'orders' })).body).toBe('orders');
    } finally {
      await rm(stateDir, { recursive: true });
    }
  });
});

describe.skipIf(consul.path === null)(consulTitle('a token that may read its own documents only', consul), () => {
  const MASTER = '11111111-2222-3333-4444-555555555555';
  const RIGHTS = (may: string): string =>
    'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } ' +
    `key "remora/config/mesh" { policy = "read" } key_prefix "remora/config/service/" { policy = "${may}" } ` +
    'key "remora/config/caller/web" { policy = "read" }';

  it.each([
    { keyListPolicy: false, may: 'read', queries: 1 },
    { keyListPolicy: true, may: 'list', queries: 3 },
  ])(
    'is enough: $queries queries where lists need rights is $keyListPolicy',
    async ({ keyListPolicy, may, queries }) => {
      const agent = await ConsulAgent.start(consul.path!, { masterToken: MASTER, keyListPolicy });
      const ledger = await Ledger.start(agent.http.port);
      const orders = await Origin.start('orders');
      let web: Sidecar | null = null;
      try {
        await agent.http.put('/acl/policy', { Name: 'web', Rules: RIGHTS(may) });
        const token = (
          JSON.parse(await agent.http.put('/acl/token', { Policies: [{ Name: 'web' }] })) as { SecretID: string }
        ).SecretID;
        await agent.http.register('orders', 'o1', orders.port);
        const write = (layer: string, text: string): Promise<string> =>
          agent.http.put(`/kv/remora/config/${layer}`, text);
        await write('mesh', 'defaults: { timeouts: { request: 11s, connect: 1500ms } }');
        await write('caller/other', 'upstreams: { orders: { timeouts: { request: 99s } } }');
        await write('caller/web', '{}');
        const sidecar = await Sidecar.start({
          service: { name: 'web', port: 8080 },
          upstreams: { orders: { port: 0, protocol: 'http' } },
          // A status would need the right to write.
          consul: { address: ledger.address, token, status: false },
        });
        web = sidecar;
        const timeouts = async (): Promise<Record<string, string>> =>
          (
            (await (await sidecar.get('/config')).json()) as {
              effective: { upstreams: { orders: { timeouts: Record<string, string> } } };
            }
          ).effective.upstreams.orders.timeouts;
        await eventually(async () => (await timeouts())['request'] === '11s');
        await write('service/orders', 'timeouts: { request: 12s }');
        await eventually(async () => (await timeouts())['request'] === '12s', 8_000);
        await write('caller/web', 'upstreams: { orders: { timeouts: { request: 13s } } }');
        await eventually(async () => (await timeouts())['request'] === '13s');
        expect(await timeouts()).toMatchObject({ connect: '1500ms' });
        const { layers } = (await (await sidecar.get('/config')).json()) as ConfigView;
        expect(layers.filter(({ unreachable, problems }) => unreachable !== null || problems.length > 0)).toEqual([]);
        const waiting = new Set(
          ledger.asked.filter((url) => /kv.*config.*index=/.test(url)).map((url) => url.split('?')[0]),
        );
        expect(waiting.size).toBe(queries);
      } finally {
        await web?.kill();
        await orders.stop();
        await ledger.stop();
        await agent.stop();
      }
    },
  );

  it('is missed where it lacks a right, and nobody is told that there is nothing', async () => {
    const agent = await ConsulAgent.start(consul.path!, { masterToken: MASTER });
    let web: Sidecar | null = null;
    try {
      const Rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
      await agent.http.put('/acl/policy', { Name: 'blind', Rules });
      const { SecretID: token } = JSON.parse(await agent.http.put('/acl/token', { Policies: [{ Name: 'blind' }] })) as {
        SecretID: string;
      };
      await agent.http.put('/kv/remora/config/mesh', 'defaults: { timeouts: { request: 11s } }');
      const sidecar = await Sidecar.start({
        service: { name: 'web', port: 8080 },
        consul: { address: agent.http.address, token, status: false },
      });
      web = sidecar;
      await eventually(async () => {
        const { layers } = (await (await sidecar.get('/config')).json()) as ConfigView;
        const mesh = layers.find(({ name }) => name === 'remora/config/mesh');
        return mesh?.unreachable === 'the token may not read key "remora/config/mesh"';
      });
      const layer = 'remora/config/mesh';
      expect(await sidecar.metric('remora_config_last_reload_successful', { layer })).toBe(0);
    } finally {
      await web?.kill();
      await agent.stop();
    }
  });
});
