import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdminGrpc } from '../../src/admin/grpc.ts';
import { GrpcPort } from '../../src/admin/grpc-port.ts';

let loads: number;
let accepted: Duplex[];
let problems: unknown[];
let port: GrpcPort;
let failure: Error | null;
let bound: number;

beforeEach(async () => {
  loads = 0;
  accepted = [];
  problems = [];
  failure = null;
  const load = async (): Promise<AdminGrpc> => {
    loads++;
    if (failure !== null) throw failure;
    return { accept: (socket: Duplex) => accepted.push(socket), close: () => undefined } as unknown as AdminGrpc;
  };
  const options = { name: 'admin-grpc', address: '127.0.0.1', port: 0, maxConnections: 2 };
  port = await GrpcPort.open(options, load, (error) => problems.push(error));
  bound = port.bound.port;
});

afterEach(() => port.close());

describe('GrpcPort', () => {
  it('loads nothing before the first connection, and once for all of them', async () => {
    expect(loads).toBe(0);
    const clients = [dial(), dial()];
    await expect.poll(() => accepted.length).toBe(2);
    expect(loads).toBe(1);
    for (const client of clients) client.destroy();
  });

  it('ends the connection and reports it when it cannot be loaded', async () => {
    failure = new Error('admin.proto is missing');
    await closed(dial());
    expect(problems).toEqual([failure]);
  });

  it('drops connections beyond its limit and takes new ones when old ones have gone', async () => {
    const first = [dial(), dial()];
    await expect.poll(() => accepted.length).toBe(2);
    await closed(dial());
    expect(accepted.length).toBe(2);
    first[0]!.destroy();
    await closed(first[0]!);
    await expect.poll(() => accepted[0]!.destroyed || accepted[1]!.destroyed).toBe(true);
    const next = dial();
    await expect.poll(() => accepted.length).toBe(3);
    for (const client of [first[1]!, next]) client.destroy();
  });

  it('survives connections that are reset before anything was loaded', async () => {
    const client = dial();
    client.once('connect', () => client.resetAndDestroy());
    await expect.poll(() => accepted.length).toBe(1);
    const next = dial();
    await expect.poll(() => accepted.length).toBe(2);
    next.destroy();
  });

  it('ends its connections when it is closed', async () => {
    const client = dial();
    await expect.poll(() => accepted.length).toBe(1);
    port.close();
    await closed(client);
    await closed(dial());
    expect(accepted.length).toBe(1);
  });
});

function dial(): Socket {
  const socket = connect(bound, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  return socket;
}

function closed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
