import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { ComposeProcesses } from './compose-processes.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** What deploy/compose/service.mjs answers. */
interface Seen {
  readonly service: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly called: { readonly status: number; readonly body: Seen } | null;
}

interface Sidecar {
  readonly inbound: number;
  readonly application: number;
  readonly admin: number;
  readonly grpc: number;
}

const consul = await findConsul();

describe.skipIf(consul.path === null)(consulTitle('the Compose topology as plain processes', consul), () => {
  const processes = new ComposeProcesses();
  let agent: ConsulAgent;
  let collector: OtlpReceiver;
  let orders: Sidecar;
  let web: Sidecar;

  beforeAll(async () => {
    [agent, collector] = await Promise.all([ConsulAgent.start(consul.path!), OtlpReceiver.start()]);
    const [a, b, c, d, e, f, g, h, outbound, upstream] = await freePorts(10);
    orders = { inbound: a!, application: b!, admin: c!, grpc: d! };
    web = { inbound: e!, application: f!, admin: g!, grpc: h! };

    processes.start('orders', { env: { PORT: `${orders.application}` } });
    processes.start('orders-sidecar', sidecar(orders));
    processes.start('web', {
      env: { PORT: `${web.application}`, CALL: `http://127.0.0.1:${upstream}/items` },
    });
    const ports = [`outbound.port=${outbound}`, `upstreams.orders.port=${upstream}`];
    processes.start('web-sidecar', sidecar(web, ports));
    await isReady('orders-sidecar', orders);
    await isReady('web-sidecar', web);
    await eventually(async () => (await ask(web.inbound, '/')).status === 200, 20_000);
  });

  afterAll(async () => {
    await processes.killAll();
    await collector?.close();
    await agent?.stop();
  });

  it('answers through both sidecars', async () => {
    const { status, body } = await ask(web.inbound, '/hello');
    const seen = JSON.parse(body) as Seen;
    expect([status, seen.service, seen.path]).toEqual([200, 'web', '/hello']);
    expect([seen.called?.status, seen.called?.body.service, seen.called?.body.path]).toEqual([200, 'orders', '/items']);

    // Neither the caller nor the services made these: the sidecars on the way did.
    const [atWeb, atOrders] = [seen.headers, seen.called!.body.headers];
    for (const headers of [atWeb, atOrders]) {
      expect(headers).toMatchObject({
        'x-remora-attempt': '1',
        'x-forwarded-for': expect.stringContaining('127.0.0.1'),
        traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      });
    }
    expect(atOrders['x-request-id']).toBe(atWeb['x-request-id']);
    expect(traceOf(atOrders)).toBe(traceOf(atWeb));
    expect(atOrders['traceparent']).not.toBe(atWeb['traceparent']);
  });

  it('shows the request as one trace with spans from both sidecars', async () => {
    const traceId = traceOf((JSON.parse((await ask(web.inbound, '/')).body) as Seen).headers);
    const wanted = ['orders client', 'orders server', 'web client', 'web server'];
    await eventually(() => {
      const spans = collector.spans.filter((span) => span.traceId === traceId);
      expect([...new Set(spans.map(({ service, kind }) => `${service} ${kind}`))].sort()).toEqual(wanted);
      // One tree: every parent but the first's is a span of the same trace.
      const ids = new Set(spans.map(({ spanId }) => spanId));
      expect(spans.filter(({ parentSpanId }) => !ids.has(parentSpanId)).map(({ service }) => service)).toEqual(['web']);
      return true;
    }, 20_000);
  });

  it('registers both services where their sidecars listen', async () => {
    for (const [name, { inbound }] of [
      ['orders', orders],
      ['web', web],
    ] as const) {
      const found = await agent.http.get<{ Service: { Address: string; Port: number } }[]>(
        `/health/service/${name}?passing`,
      );
      expect(found.map(({ Service }) => [Service.Address, Service.Port])).toEqual([['127.0.0.1', inbound]]);
    }
  });

  it('tells `remora status` what it sees', async () => {
    const { code, output } = await remora('status', '--admin', `127.0.0.1:${web.grpc}`);
    expect(output).toMatch(/^service web: ready\n/);
    expect(output).toMatch(new RegExp(`^ +127\\.0\\.0\\.1:${orders.inbound}/orders +passing +1 +closed`, 'm'));
    expect(code).toBe(0);
  });

  it('stops in order: each sidecar first, then its service, all with exit code 0', async () => {
    for (const name of ['web', 'orders']) {
      const codes = [await processes.stop(`${name}-sidecar`), await processes.stop(name)];
      expect(codes, processes.output(`${name}-sidecar`)).toEqual([0, 0]);
    }
    expect(await agent.http.get('/health/service/orders')).toEqual([]);
  });

  /** What a container has for itself and a process has to be told. */
  function sidecar({ inbound, application, admin, grpc }: Sidecar, more: readonly string[] = []) {
    const env = {
      ADDRESS: '127.0.0.1',
      CONSUL_HTTP_ADDR: agent.http.address,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    };
    const settings = [
      `service.port=${application}`,
      `inbound.port=${inbound}`,
      `admin.port=${admin}`,
      `admin.grpcPort=${grpc}`,
      'shutdown.propagation=200ms',
      ...more,
    ];
    return { env, args: settings.flatMap((setting) => ['--set', setting]) };
  }

  async function isReady(name: string, { admin }: Sidecar): Promise<void> {
    try {
      await eventually(async () => (await ask(admin, '/ready')).status === 200, 20_000);
    } catch (error) {
      throw new Error(`${name} does not get ready:\n${processes.output(name)}`, { cause: error });
    }
  }
});

function ask(port: number, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: 5_000 }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode!, body }), reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.on('error', reject);
  });
}

function traceOf(headers: Readonly<Record<string, string>>): string {
  return headers['traceparent']!.split('-')[1]!;
}

function remora(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}
