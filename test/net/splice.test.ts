import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { SystemClock } from '../../src/base/clock-system.ts';
import type { FailureCode } from '../../src/base/failure.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Tunnel, TunnelClient, TunnelClientHandler, TunnelHandler } from '../../src/http/conduit.ts';
import type { KeptConnection } from '../../src/net/client-context.ts';
import { ClientTunnel } from '../../src/net/client-tunnel.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { DataSockets } from '../../src/net/data-sockets.ts';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { Listener } from '../../src/net/listener.ts';
import { Output } from '../../src/net/output.ts';
import { Pool } from '../../src/net/pool.ts';
import type { SocketHost } from '../../src/net/sockets.ts';
import { eventually } from '../support/eventually.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { pattern, readBytes } from '../support/transport-pair.ts';

/** Dials the endpoint for every client and splices: what `proxy/tunnel.ts` does, without its decisions. */
class PlainTunnel implements TunnelClientHandler, TunnelHandler {
  readonly log: string[] = [];
  tunnel!: Tunnel;
  firstByteDownAt = -1;
  firstBytes = 0;
  private connect: () => void = () => undefined;
  readonly connected = new Promise<void>((resolve) => {
    this.connect = resolve;
  });
  private resolve: () => void = () => undefined;
  readonly closed = new Promise<void>((resolve) => {
    this.resolve = resolve;
  });

  constructor(
    readonly client: TunnelClient,
    private readonly idleTimeoutMs: number,
  ) {}

  onClientGone(code: FailureCode): void {
    this.log.push(`client gone ${code}`);
    this.tunnel.abort();
    this.resolve();
  }

  onConnected(): void {
    this.log.push('connected');
    this.client.splice(this.tunnel, this.idleTimeoutMs);
    this.connect();
  }

  onFailure(code: FailureCode): void {
    this.log.push(`failure ${code}`);
    this.client.refuse();
    this.resolve();
  }

  onFirstByteDown(): void {
    this.firstBytes += 1;
  }

  onClose(up: number, down: number, firstByteDownAt: number, code: FailureCode | null): void {
    this.firstByteDownAt = firstByteDownAt;
    this.log.push(`close ${up} ${down} ${code}`);
    this.resolve();
  }
}

const LIMITS = { maxHeadBytes: 4096, maxFields: 50, maxTargetBytes: 1024 };
const KINDS = [
  ['data', (host: SocketHost) => new DataSockets(host)],
  ['handle', (host: SocketHost) => new HandleSockets(host)],
] as const;

describe.each(KINDS)('a splice of %s transports', (_, make) => {
  const bugs: unknown[] = [];
  const sockets = make({ output: new Output(), onBug: (error) => bugs.push(error) });
  const host: SocketHost = { output: new Output(), onBug: (error) => bugs.push(error) };
  const cleanups: (() => void)[] = [];
  let server: Server;

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup();
    server.close();
    expect(bugs).toEqual([]);
  });

  interface Spliced {
    client: Socket;
    endpoint: Socket;
    tunnel: PlainTunnel;
    pool: Pool;
    listener: Listener;
    clients: Set<KeptConnection>;
  }

  async function listen(
    clock: Clock,
    idleTimeoutMs: number,
    port: number,
  ): Promise<{ pool: Pool; listener: Listener; tunnels: PlainTunnel[]; clients: Set<KeptConnection> }> {
    const options = {
      host: '127.0.0.1',
      port,
      connectTimeoutMs: 1000,
      idleTimeoutMs: 1000,
      ...DEFAULT_CONNECTIONS,
      maxIdle: 1,
      limits: LIMITS,
    };
    const pool = new Pool({ sockets, host, clock, random: new SeededRandom(1), closed: new Closed() }, options);
    const tunnels: PlainTunnel[] = [];
    const clients = new Set<KeptConnection>();
    const acceptor = {
      open(client: TunnelClient): TunnelClientHandler {
        const tunnel = new PlainTunnel(client, idleTimeoutMs);
        tunnels.push(tunnel);
        tunnel.tunnel = pool.dial(tunnel);
        return tunnel;
      },
    };
    const listener = await Listener.open(
      sockets,
      host,
      { name: 'cache', address: '127.0.0.1', port: 0, maxConnections: 10 },
      {
        onConnection: (transport, peer) => {
          const owner = { onClosed: (one: KeptConnection) => void clients.delete(one) };
          const client = new ClientTunnel(transport, peer, acceptor, { bytes: 0 }, owner);
          if (!client.isOver) clients.add(client);
          return client;
        },
        onRefused: () => undefined,
        onCount: () => undefined,
      },
    );
    cleanups.push(() => listener.stop());
    return { pool, listener, tunnels, clients };
  }

  async function splice(clock: Clock = new SystemClock(), idleTimeoutMs = 0): Promise<Spliced> {
    const { pool, listener, tunnels, clients } = await listen(
      clock,
      idleTimeoutMs,
      (server.address() as AddressInfo).port,
    );
    const arrival = once(server, 'connection') as Promise<[Socket]>;
    const client = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const [endpoint] = await arrival;
    for (const socket of [client, endpoint]) {
      socket.on('error', () => undefined);
      cleanups.push(() => socket.destroy());
    }
    await tunnels[0]!.connected;
    return { client, endpoint, tunnel: tunnels[0]!, pool, listener, clients };
  }

  it('carries bytes both ways and counts them', async () => {
    const { client, endpoint, tunnel, pool, listener, clients } = await splice();
    expect(clients.size).toBe(1);
    client.end('request');
    expect((await readBytes(endpoint, 7)).toString()).toBe('request');
    endpoint.end('answer..');
    expect((await readBytes(client, 8)).toString()).toBe('answer..');
    await tunnel.closed;
    expect(tunnel.log).toEqual(['connected', 'close 7 8 null']);
    expect(tunnel.firstByteDownAt).toBeGreaterThan(0);
    expect(tunnel.firstBytes).toBe(1);
    expect(tunnel.client.peer).toMatchObject({ address: '127.0.0.1', port: client.localPort, listener: 'cache' });
    expect(pool.tunnelCount).toBe(0);
    expect(listener.openCount).toBe(0);
    expect(clients.size).toBe(0);
  });

  it('finds out that an end whose bytes nobody takes has reset', async () => {
    const clock = new ManualClock();
    const { client, endpoint, tunnel, listener, pool } = await splice(clock);
    endpoint.pause();
    for (let i = 0; i < 256; i++) client.write(Buffer.alloc(65_536));
    let before = 0;
    await eventually(() => {
      const isStuck = client.writableLength > 0 && client.writableLength === before;
      before = client.writableLength;
      return isStuck;
    });
    client.resetAndDestroy();
    await eventually(() => {
      clock.advance(5_000);
      return tunnel.log.length > 1;
    });
    expect(tunnel.log[1]).toMatch(/^close \d+ 0 client_gone$/);
    expect({ open: listener.openCount, tunnels: pool.tunnelCount }).toEqual({ open: 0, tunnels: 0 });
  });

  it('keeps what the client said before the endpoint was there', async () => {
    const { pool, listener, tunnels } = await listen(new SystemClock(), 0, (server.address() as AddressInfo).port);
    const arrival = once(server, 'connection') as Promise<[Socket]>;
    const client = connect({ port: listener.port, host: '127.0.0.1', allowHalfOpen: true });
    client.end('early');
    const [endpoint] = await arrival;
    expect((await readBytes(endpoint, 5)).toString()).toBe('early');
    endpoint.end();
    client.resume();
    await tunnels[0]!.closed;
    expect(tunnels[0]!.log).toEqual(['connected', 'close 5 0 null']);
    expect(tunnels[0]!.firstByteDownAt).toBe(0);
    expect(pool.tunnelCount).toBe(0);
  });

  it("passes the client's FIN on and leaves the other direction open", async () => {
    const { client, endpoint, tunnel } = await splice();
    client.end('all');
    expect((await readBytes(endpoint, 3)).toString()).toBe('all');
    endpoint.resume();
    await once(endpoint, 'end');
    for (const piece of ['one', 'two']) {
      endpoint.write(piece);
      expect((await readBytes(client, 3)).toString()).toBe(piece);
    }
    endpoint.end();
    client.resume();
    await once(client, 'end');
    await tunnel.closed;
    expect(tunnel.log.at(-1)).toBe('close 3 6 null');
  });

  it("passes the endpoint's FIN on and leaves the other direction open", async () => {
    const { client, endpoint, tunnel } = await splice();
    endpoint.end('bye');
    expect((await readBytes(client, 3)).toString()).toBe('bye');
    client.resume();
    await once(client, 'end');
    client.write('still here');
    expect((await readBytes(endpoint, 10)).toString()).toBe('still here');
    client.end();
    endpoint.resume();
    await tunnel.closed;
    expect(tunnel.log.at(-1)).toBe('close 10 3 null');
  });

  it.each(['client', 'endpoint'] as const)('passes a reset of the %s on as a reset', async (side) => {
    const { client, endpoint, tunnel } = await splice();
    client.write('x');
    await readBytes(endpoint, 1);
    const [from, to] = side === 'client' ? [client, endpoint] : [endpoint, client];
    const reset = once(to, 'error') as Promise<[NodeJS.ErrnoException]>;
    to.resume();
    from.resetAndDestroy();
    expect((await reset)[0].code).toBe('ECONNRESET');
    await tunnel.closed;
    expect(tunnel.log).toEqual(['connected', `close 1 0 ${side === 'client' ? 'client_gone' : 'upstream_reset'}`]);
  });

  it('carries 16 MiB each way at once, unchanged', async () => {
    const { client, endpoint, tunnel } = await splice();
    const up = pattern(16_777_216, 1);
    const down = pattern(16_777_216, 2);
    client.end(up);
    endpoint.end(down);
    const [atEndpoint, atClient] = await Promise.all([digestOf(endpoint), digestOf(client)]);
    expect(atEndpoint).toBe(createHash('sha256').update(up).digest('hex'));
    expect(atClient).toBe(createHash('sha256').update(down).digest('hex'));
    await tunnel.closed;
    expect(tunnel.log.at(-1)).toBe('close 16777216 16777216 null');
  });

  it('reads no more than a slow reader takes, and goes on when it reads again', async () => {
    const { client, endpoint, tunnel } = await splice();
    let sent = 0;
    const piece = pattern(1_048_576);
    // The endpoint sends as long as anyone takes it; what is taken lies in four kernel buffers and in remora.
    while (sent < 256) {
      sent++;
      if (endpoint.write(piece)) continue;
      const isStuck = await Promise.race([once(endpoint, 'drain').then(() => false), later(300).then(() => true)]);
      if (isStuck) break;
    }
    expect(sent).toBeLessThan(64);
    const digest = digestOf(client);
    endpoint.end();
    await digest;
    client.end();
    endpoint.resume();
    await tunnel.closed;
    expect(tunnel.log.at(-1)).toBe(`close 0 ${sent * piece.length} null`);
  });

  it('resets both ends when nothing has moved for too long', async () => {
    const clock = new ManualClock();
    const { client, endpoint, tunnel } = await splice(clock, 10_000);
    clock.advance(9_000);
    client.write('x');
    await readBytes(endpoint, 1);
    clock.advance(9_900);
    expect(tunnel.log).toEqual(['connected']);
    const errors = [client, endpoint].map((socket) => once(socket, 'error'));
    client.resume();
    endpoint.resume();
    clock.advance(2_600);
    expect(tunnel.log).toEqual(['connected', 'close 1 0 tunnel_idle']);
    for (const error of errors) expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    expect(clock.armed).toBe(0);
  });

  it('resets both ends when it is aborted, and tells nobody', async () => {
    const { client, endpoint, tunnel, pool } = await splice();
    client.write('x');
    await readBytes(endpoint, 1);
    const errors = [client, endpoint].map((socket) => once(socket, 'error'));
    client.resume();
    endpoint.resume();
    tunnel.tunnel.abort();
    tunnel.tunnel.abort();
    for (const error of errors) expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    expect(tunnel.log).toEqual(['connected']);
    expect(pool.tunnelCount).toBe(0);
  });

  it('resets both ends when its time is up, and says why', async () => {
    const { client, endpoint, tunnel, pool, clients } = await splice();
    client.write('x');
    await readBytes(endpoint, 1);
    const errors = [client, endpoint].map((socket) => once(socket, 'error'));
    client.resume();
    endpoint.resume();
    for (const one of [...clients, ...clients]) one.expire();
    for (const error of errors) expect(((await error)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    expect(tunnel.log).toEqual(['connected', 'close 1 0 draining']);
    expect([clients.size, pool.tunnelCount]).toEqual([0, 0]);
  });

  it('ends before it begins when its time is up by then', async () => {
    const { port } = server.address() as AddressInfo;
    const { pool, listener, tunnels, clients } = await listen(new SystemClock(), 0, port);
    const client = connect(listener.port, '127.0.0.1');
    const reset = once(client, 'error');
    // In the turn in which it was accepted: that the endpoint has accepted, too, comes in a later one.
    while (clients.size === 0) await new Promise(setImmediate);
    for (const one of clients) one.expire();
    expect(((await reset)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    expect(tunnels[0]!.log).toEqual(['client gone draining']);
    expect([clients.size, pool.tunnelCount]).toEqual([0, 0]);
  });

  it('refuses the client with a reset when the endpoint does', async () => {
    const { port } = server.address() as AddressInfo;
    server.close();
    const { pool, listener, tunnels } = await listen(new SystemClock(), 0, port);
    const client = connect(listener.port, '127.0.0.1');
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    expect(tunnels[0]!.log).toEqual(['failure connect_refused']);
    expect(pool.tunnelCount).toBe(0);
  });
});

/** Not by iteration, which destroys the socket at its end and with it the other direction. */
async function digestOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (piece) => hash.update(piece));
  await once(socket, 'end');
  return hash.digest('hex');
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
