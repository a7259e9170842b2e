import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { type Answer, ask } from './mesh.ts';
import { OriginApp } from './origin-app.ts';
import { NO_BREAKER } from './scene.ts';

/** Nothing but the law under test may keep an attempt from being made. */
const FREE = { port: 0, breaker: NO_BREAKER, balance: 'round_robin', retry: { budget: { minPerSecond: 10_000 } } };
const REQUESTS = 10;

/**
 * An application that calls another, and passes on the context of the trace and a failure as a status, and nothing else:
 * what an instrumented one does.
 */
class Relay {
  /** Answers by itself so often before it asks anybody. */
  failFirst = 0;

  private constructor(private readonly server: Server) {}

  static async start(portBelow: () => number): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server);
    server.on('request', async (request, response) => {
      if (relay.failFirst-- > 0) {
        response.writeHead(503).end();
        return;
      }
      const { traceparent, tracestate } = request.headers;
      const context = { traceparent, tracestate } as Record<string, string>;
      const headers = Object.fromEntries(Object.entries(context).filter(([, value]) => value !== undefined));
      const { status } = await ask(portBelow(), request.url, { headers });
      response.writeHead(status === 200 ? 200 : 500).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

let bottom: readonly OriginApp[];
let relay: Relay;
let middle: Sidecar;
let top: Sidecar;

beforeAll(async () => {
  bottom = await OriginApp.many('a', 'b', 'c');
  await Promise.all(bottom.map((origin) => origin.mode('status=503')));
  relay = await Relay.start(() => middle.port('deep'));
  middle = await Sidecar.start({
    service: { name: 'mid', port: relay.port },
    inbound: { port: 0 },
    upstreams: { deep: FREE },
    static: { deep: bottom.map(({ address }) => address) },
  });
  top = await Sidecar.start({
    service: { name: 'web', port: 9 },
    upstreams: { mid: { ...FREE, retry: { ...FREE.retry, statuses: [500, 503] } } },
    static: { mid: [`127.0.0.1:${middle.port('inbound')}`] },
  });
});

afterAll(async () => {
  await Promise.all([top?.kill(), middle?.kill(), relay?.stop(), ...(bottom ?? []).map((origin) => origin.kill())]);
});

function begun(): number {
  return bottom.reduce((sum, origin) => sum + origin.begun.length, 0);
}

function refused(sidecar: Sidecar, reason: string): Promise<number> {
  return sidecar.metric('remora_retries_refused_total', { direction: 'outbound', reason });
}

async function askTop(): Promise<Answer> {
  return ask(top.port('mid'), '/');
}

it('a failure that was tried again below is not tried again above, and says so to the very top', async () => {
  const before = begun();
  for (let i = 0; i < REQUESTS; i++) {
    const { status, headers } = await askTop();
    expect([status, headers['x-remora-retry']]).toEqual([500, 'no']);
  }
  expect(begun() - before).toBe(3 * REQUESTS);
  await eventually(async () => (await refused(top, 'asked_not_to')) === REQUESTS);
});

it('what a retry causes further down is not tried again there', async () => {
  const before = begun();
  for (let i = 0; i < REQUESTS; i++) {
    relay.failFirst = 1;
    expect((await askTop()).status).toBe(500);
  }
  expect(begun() - before).toBe(REQUESTS);
  await eventually(async () => (await refused(middle, 'marked')) === REQUESTS);
});
