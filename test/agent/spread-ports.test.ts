import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { makeCluster } from '../../src/agent/clusters.ts';
import { Entry } from '../../src/agent/entry.ts';
import type { Parts } from '../../src/agent/parts.ts';
import { makePlan } from '../../src/agent/plans.ts';
import { NO_SUBSETS } from '../../src/agent/subset-parts.ts';
import { SystemClock } from '../../src/base/clock-system.ts';
import type { Picker } from '../../src/cluster/picker.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { UNLIMITED } from '../../src/net/connection-limit.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { DataSockets } from '../../src/net/data-sockets.ts';
import { Output } from '../../src/net/output.ts';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { DEFAULT_CRITICALITY_OPTIONS } from '../../src/policy/criticality-rule.ts';
import { DEFAULT_BREAKER, DEFAULT_LIMITS, DEFAULT_RETRY, DEFAULT_TIMEOUTS } from '../../src/policy/options.ts';
import { Ledger } from '../../src/proxy/places/ledger.ts';
import { Shadows } from '../../src/proxy/places/shadows.ts';
import type { Plan, Spread } from '../../src/proxy/plan.ts';
import { Anywhere } from '../../src/route/anywhere.ts';
import { NO_DOORS } from '../../src/route/doors/doors.ts';
import { Pinned } from '../../src/route/pinned.ts';
import { FixedRouter } from '../../src/route/routers.ts';
import { agentParts } from '../support/agent-parts.ts';
import { spec } from '../support/endpoint-specs.ts';
import { eventually } from '../support/eventually.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

type Reply = (path: string, method: string) => { readonly status: number; readonly body: string | Buffer };

/** An endpoint that writes down what it is asked. */
async function place(name: string, seen: string[], reply: Reply): Promise<number> {
  const server: Server = createServer((message, response) => {
    let body = '';
    message.on('data', (bytes: Buffer) => {
      body += bytes.toString();
    });
    message.on('end', () => {
      seen.push(`${name} ${message.method} ${message.url} ${body.length > 40 ? body.length : body}`.trim());
      const { status, body: answer } = reply(message.url!, message.method!);
      response.writeHead(status);
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close().closeAllConnections());
  return (server.address() as AddressInfo).port;
}

/** A port whose requests are spread over endpoints on real sockets. */
async function spreadPort(kind: Spread['kind'], replies: Readonly<Record<string, Reply>>) {
  const fake = agentParts();
  const clock = new SystemClock();
  const bugs: unknown[] = [];
  const observer = { ...fake.parts.observer, onBug: (error: unknown) => void bugs.push(error) };
  const host = { output: new Output(), onBug: observer.onBug };
  const context = { ...fake.parts.context, clock, observer };
  const shadows = new Shadows(context);
  const sockets = new DataSockets(host);
  const parts: Parts = { ...fake.parts, clock, observer, host, sockets, context, shadows };

  const seen: string[] = [];
  const names = Object.keys(replies);
  const ports = await Promise.all(names.map((name) => place(name, seen, replies[name]!)));
  // Endpoints that fail on purpose stay in use.
  const breaker = { ...DEFAULT_BREAKER, consecutiveFailures: 0, failureRatio: 0 };
  const retry = { ...DEFAULT_RETRY, maxAttempts: 1 };
  const balancer = { balancer: { name: 'round_robin' }, breaker, tree: DEFAULT_TREE, lenses: [] } as const;
  const dialing = { connectMs: 1_000, connections: DEFAULT_CONNECTIONS, limit: UNLIMITED, closed: new Closed() };
  const cluster = makeCluster('orders', balancer, dialing, 'http1', parts);
  const endpoints = names.map((name, i) => spec(name, { id: name, host: '127.0.0.1', port: ports[i]! }));
  cluster.apply({ service: 'orders', source: 'file', endpoints });
  await eventually(() => [...cluster.endpoints].length === names.length);

  const labels = { direction: 'outbound', upstream: 'orders', protocol: 'http' } as const;
  const trust = { trustsPeer: true, returnsUnseen: false, subsets: NO_SUBSETS };
  const options = {
    labels,
    doors: NO_DOORS,
    limits: DEFAULT_LIMITS,
    adaptive: DEFAULT_ADAPTIVE,
    criticality: DEFAULT_CRITICALITY_OPTIONS,
    retry,
    timeouts: DEFAULT_TIMEOUTS,
    hedge: null,
    hash: null,
    roles: null,
    shards: null,
    fallback: null,
    faults: [],
    ...trust,
  };
  const plan = makePlan(parts, cluster, options);
  const ledger = new Ledger('all');
  const pinned = (name: string): Plan => {
    const lens: Picker = { pick: () => [...cluster.endpoints].find(({ id }) => id === name)! };
    return { ...plan, placement: new Pinned(lens, new Anywhere(null)) };
  };
  const [main, ...others] = names.map(pinned);
  const spread: Spread =
    kind === 'first' || kind === 'all'
      ? { kind, main: main!, others }
      : { kind, main: main!, others: [others[0]!], keyHash: 1, watch: ledger };
  Object.assign(plan, { spreader: { spread: () => spread, ledgers: [ledger] } });
  const entry = await Entry.open(
    parts,
    { name: 'orders', direction: 'outbound', address: '127.0.0.1', port: 0 },
    'http',
    new FixedRouter(plan),
  );
  ends.push(() => {
    entry.drain();
    entry.expire();
    cluster.apply({ service: 'orders', source: 'file', endpoints: [] });
  });
  const books = () => ({ inFlight: plan.admission.inFlight, shadows: shadows.size, bugs });
  return { port: entry.port, seen, ledger, books };
}

const CLOSED = { inFlight: 0, shadows: 0, bugs: [] };

function ask(port: number, agent: Agent, method: string, path: string, body = ''): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request({ port, host: '127.0.0.1', method, path, agent, headers: { host: 'orders' } });
  sent.on('error', reject).on('response', (message: IncomingMessage) => {
    let text = '';
    message.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    message.on('end', () => resolve(`${message.statusCode} ${text}`)).on('error', reject);
  });
  sent.end(body);
  return promise;
}

function keptAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  ends.push(() => agent.destroy());
  return agent;
}

it('gives the first success to clients of both versions, time and again on one connection', async () => {
  const large = Buffer.alloc(300_000, 'x');
  const { port, books } = await spreadPort('first', {
    a: (path) => (path === '/large' ? { status: 500, body: large } : { status: 404, body: 'not here' }),
    b: (path) =>
      path === '/none' ? { status: 503, body: 'no' } : { status: 200, body: path === '/large' ? large : 'found' },
    c: () => ({ status: 500, body: large }),
  });
  const agent = keptAlive();
  for (let i = 0; i < 5; i++) {
    expect(await ask(port, agent, 'GET', '/x')).toBe('200 found');
    expect(await ask(port, agent, 'GET', '/none')).toBe('404 not here');
    const answer = await ask(port, agent, 'GET', '/large');
    expect([answer.slice(0, 3), answer.length]).toEqual(['200', 4 + large.length]);
  }
  const session = connect(`http://127.0.0.1:${port}`);
  ends.push(() => session.destroy());
  const answers = Array.from({ length: 20 }, (_, i) => {
    const stream = session.request({ ':path': i % 2 === 0 ? '/large' : '/none', ':authority': 'orders' });
    return new Promise<number>((resolve, reject) => {
      let bytes = 0;
      stream.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      stream.on('end', () => resolve(bytes)).on('error', reject);
    });
  });
  expect(new Set(await Promise.all(answers))).toEqual(new Set([large.length, 'not here'.length]));
  await eventually(() => books().inFlight === 0);
  expect(books()).toEqual(CLOSED);
});

it('needs all places to succeed, and answers from the main one', async () => {
  const { port, seen, books } = await spreadPort('all', {
    a: () => ({ status: 200, body: 'main' }),
    b: (path) => ({ status: path === '/bad' ? 500 : 200, body: 'other' }),
  });
  const agent = keptAlive();
  for (let i = 0; i < 5; i++) {
    expect(await ask(port, agent, 'GET', '/x')).toBe('200 main');
    expect(await ask(port, agent, 'GET', '/bad')).toMatch(/^502 remora: broadcast_incomplete/);
  }
  expect(seen.filter((line) => line === 'b GET /x')).toHaveLength(5);
  await eventually(() => books().inFlight === 0);
  expect(books()).toEqual(CLOSED);
});

it('compares reads', async () => {
  const large = Buffer.alloc(300_000, 'x');
  const { port, ledger, books } = await spreadPort('dual_read', {
    a: () => ({ status: 200, body: large }),
    b: (path) => ({ status: 200, body: path === '/same' ? large : 'something else' }),
  });
  const agent = keptAlive();
  for (let i = 0; i < 5; i++) {
    expect((await ask(port, agent, 'GET', '/same')).length).toBe('200 '.length + large.length);
    expect((await ask(port, agent, 'GET', '/other')).slice(0, 5)).toBe('200 x');
  }
  await eventually(() => books().shadows === 0);
  expect(ledger.reads).toEqual({ same: 5, different: 5, failed: 0, skipped: 0 });
  expect(books()).toEqual(CLOSED);
});

it('writes to the second place what the main one has taken, in its order', async () => {
  const { port, seen, ledger, books } = await spreadPort('dual_write', {
    a: (path) => ({ status: path === '/bad' ? 409 : 201, body: 'made' }),
    b: () => ({ status: 200, body: 'ignored' }),
  });
  const agent = keptAlive();
  for (let i = 0; i < 20; i++) expect(await ask(port, agent, 'POST', `/${i}`, `body ${i}`)).toBe('201 made');
  expect(await ask(port, agent, 'POST', '/bad', 'x')).toBe('409 made');
  await eventually(() => books().shadows === 0);
  expect(seen.filter((line) => line.startsWith('b '))).toEqual(
    Array.from({ length: 20 }, (_, i) => `b POST /${i} body ${i}`),
  );
  expect(ledger).toMatchObject({ written: 20, lost: 0 });
  expect(books()).toEqual(CLOSED);
});
