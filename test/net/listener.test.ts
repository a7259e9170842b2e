import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FailureCode } from '../../src/base/failure.ts';
import type { Peer } from '../../src/http/conduit.ts';
import { DataSockets } from '../../src/net/data-sockets.ts';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { ListenError, Listener, type ListenerOptions } from '../../src/net/listener.ts';
import { Output } from '../../src/net/output.ts';
import type { SocketHost } from '../../src/net/sockets.ts';
import type { Transport, TransportHandler } from '../../src/net/transport.ts';
import { RecordingHandler } from '../support/transport-pair.ts';

const OPTIONS: ListenerOptions = { name: 'outbound', address: '127.0.0.1', port: 0, maxConnections: 2 };
const KINDS = [
  ['data', (host: SocketHost) => new DataSockets(host)],
  ['handle', (host: SocketHost) => new HandleSockets(host)],
] as const;

describe.each(KINDS)('a listener with %s transports', (_, make) => {
  const bugs: unknown[] = [];
  const host: SocketHost = { output: new Output(), onBug: (error) => bugs.push(error) };
  const sockets = make(host);
  const accepted: { transport: Transport; peer: Peer; handler: RecordingHandler }[] = [];
  const clients: Socket[] = [];
  let count = 0;
  let listener: Listener;
  let onConnection: (transport: Transport, peer: Peer) => TransportHandler | null;
  const refused: FailureCode[] = [];

  beforeEach(async () => {
    count = 0;
    refused.length = 0;
    onConnection = (transport, peer) => {
      const handler = new RecordingHandler();
      accepted.push({ transport, peer, handler });
      return handler;
    };
    listener = await open(OPTIONS);
  });

  afterEach(() => {
    listener.stop();
    for (const { transport } of accepted.splice(0)) transport.destroy(true);
    for (const client of clients.splice(0)) client.destroy();
    bugs.length = 0;
  });

  function open(options: ListenerOptions): Promise<Listener> {
    return Listener.open(sockets, host, options, {
      onConnection: (transport, peer) => onConnection(transport, peer),
      onRefused: (code) => refused.push(code),
      onCount: (change) => {
        count += change;
      },
    });
  }

  function dial(): Socket {
    const client = connect({ port: listener.port, host: '127.0.0.1', noDelay: true });
    // Resets are part of the tests; those that matter are awaited.
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }

  /** A client whose connection has arrived: one that answers to bytes. */
  async function arrived(): Promise<Socket> {
    const before = accepted.length;
    const client = dial();
    await once(client, 'connect');
    while (accepted.length === before) await turn();
    return client;
  }

  async function errorOf(client: Socket): Promise<string | undefined> {
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
    return error.code;
  }

  it('says where it is bound', () => {
    expect(listener.name).toBe('outbound');
    expect(listener.address).toBe('127.0.0.1');
    expect(listener.port).toBeGreaterThan(0);
  });

  it('tells who has come, and hears them', async () => {
    const client = await arrived();
    const { transport, peer, handler } = accepted[0]!;
    expect(peer).toEqual({
      address: '127.0.0.1',
      port: client.localPort,
      listener: 'outbound',
      scheme: 'http',
      identity: null,
    });
    transport.resume();
    client.write('hello');
    await handler.untilText('hello');
  });

  it('counts connections until they are gone, whichever way', async () => {
    const first = await arrived();
    await arrived();
    expect([listener.openCount, count]).toEqual([2, 2]);
    accepted[0]!.transport.resume();
    first.resetAndDestroy();
    await accepted[0]!.handler.untilLogged('close client_gone');
    expect([listener.openCount, count]).toEqual([1, 1]);
    accepted[1]!.transport.destroy(false);
    accepted[1]!.transport.destroy(true);
    expect([listener.openCount, count]).toEqual([0, 0]);
  });

  it('resets connections above its limit, and takes new ones when there is room again', async () => {
    await arrived();
    await arrived();
    expect(await errorOf(dial())).toBe('ECONNRESET');
    expect([listener.openCount, count]).toEqual([2, 2]);
    accepted[0]!.transport.destroy(true);
    await arrived();
    expect(listener.openCount).toBe(2);
    expect(refused).toEqual(['too_many_connections']);
  });

  it('resets connections that its owner has no room for', async () => {
    const roomy = onConnection;
    onConnection = () => null;
    expect(await errorOf(dial())).toBe('ECONNRESET');
    expect([listener.openCount, count]).toEqual([0, 0]);
    expect(refused).toEqual(['too_many_connections']);
    onConnection = roomy;
    await arrived();
  });

  it('says so when the system could not give a connection that it had', () => {
    listener.onAcceptError();
    expect([listener.openCount, count]).toEqual([0, 0]);
    expect(refused).toEqual(['local_exhausted']);
  });

  it('loses only the connection whose owner throws', async () => {
    const sound = onConnection;
    onConnection = () => {
      throw new Error('a bug');
    };
    expect(await errorOf(dial())).toBe('ECONNRESET');
    expect(bugs.map(String)).toEqual(['Error: a bug']);
    expect(listener.openCount).toBe(0);
    onConnection = sound;
    await arrived();
  });

  it('stops accepting and leaves open connections alone', async () => {
    const client = await arrived();
    listener.stop();
    listener.stop();
    expect(await errorOf(dial())).toBe('ECONNREFUSED');
    accepted[0]!.transport.resume();
    client.write('still here');
    await accepted[0]!.handler.untilText('still here');
  });

  it('names listener, address and port when it cannot have them', async () => {
    const again = open({ ...OPTIONS, name: 'orders', port: listener.port });
    await expect(again).rejects.toBeInstanceOf(ListenError);
    await expect(again).rejects.toMatchObject({
      listener: 'orders',
      address: '127.0.0.1',
      port: listener.port,
      reason: 'EADDRINUSE',
      message: `listener orders: cannot listen on 127.0.0.1:${listener.port}: the port is in use`,
    });
  });
});

it.each([
  ['127.0.0.1', 0, 'EADDRINUSE', 'cannot listen on any port of 127.0.0.1: none is free'],
  ['::1', 0, 'EADDRNOTAVAIL', 'cannot listen on any port of [::1]: the address is not one of this machine'],
  ['::1', 80, 'EACCES', 'cannot listen on [::1]:80: not allowed to use this port'],
])('a listener that cannot have %s port %i for %s names no port that is none', (address, port, reason, said) => {
  expect(new ListenError('orders', address, port, reason).message).toBe(`listener orders: ${said}`);
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
