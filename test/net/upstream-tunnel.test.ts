import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import type { FailureCode } from '../../src/base/failure.ts';
import type { Tunnel } from '../../src/http/conduit.ts';
import { DataSockets } from '../../src/net/data-sockets.ts';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { Output } from '../../src/net/output.ts';
import type { SocketHost } from '../../src/net/sockets.ts';
import { Tunnels } from '../../src/net/tunnels.ts';
import { eventually } from '../support/eventually.ts';

const KINDS = [
  ['data', (host: SocketHost) => new DataSockets(host)],
  ['handle', (host: SocketHost) => new HandleSockets(host)],
] as const;

describe.each(KINDS)('a tunnel of %s transports without a client', (_, make) => {
  const bugs: unknown[] = [];
  const host: SocketHost = { output: new Output(), onBug: (error) => bugs.push(error) };
  const sockets = make(host);
  const clock = new SystemClock();
  let server: Server;
  let accepted: Socket[];
  let peerLog: string[];
  let log: string[];

  beforeEach(async () => {
    [accepted, peerLog, log] = [[], [], []];
    server = createServer((socket) => {
      accepted.push(socket);
      socket.on('data', (bytes) => {
        peerLog.push(bytes.toString());
        socket.write(`heard ${bytes.toString()}`);
      });
      socket.on('error', (error: NodeJS.ErrnoException) => peerLog.push(error.code!));
      socket.on('end', () => peerLog.push('end'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
    expect(bugs).toEqual([]);
  });

  function dial(onConnected: (tunnel: Tunnel) => void): Tunnels {
    const { port } = server.address() as AddressInfo;
    const tunnels = new Tunnels(sockets, host, clock, { host: '127.0.0.1', port, connectTimeoutMs: 2_000 });
    const tunnel: Tunnel = tunnels.dial({
      onConnected: () => onConnected(tunnel),
      onFirstByteDown: () => undefined,
      onFailure: (code: FailureCode) => void log.push(`failure ${code}`),
      onClose: () => void log.push('close'),
    });
    return tunnels;
  }

  const hearer = {
    onBytes: (bytes: Buffer) => void log.push(bytes.toString()),
    onEnd: () => void log.push('end'),
  };

  it('says what it is given, and hands on what comes', async () => {
    const tunnels = dial((tunnel) => tunnel.talk(Buffer.from('PING'), hearer));
    await eventually(() => log.length > 0);
    expect([log, peerLog, tunnels.count]).toEqual([['heard PING'], ['PING'], 1]);
    accepted[0]!.end('bye');
    await eventually(() => log.includes('end'));
    expect(log.join()).toBe('heard PING,bye,end');
  });

  it('listens without a word of its own, and tells of a loss', async () => {
    const tunnels = dial((tunnel) => {
      tunnel.talk(null, hearer);
      accepted[0]?.resetAndDestroy();
    });
    await eventually(() => accepted.length > 0);
    accepted[0]!.resetAndDestroy();
    await eventually(() => log.length > 0);
    expect([log[0]!.startsWith('failure'), log.length, tunnels.count]).toEqual([true, 1, 0]);
  });

  it('closes with a FIN, and nothing is heard after that', async () => {
    const tunnels = dial((tunnel) => tunnel.close());
    await eventually(() => peerLog.length > 0);
    expect([peerLog, log, tunnels.count]).toEqual([['end'], [], 0]);
  });
});
