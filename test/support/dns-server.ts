import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';

export interface Zone {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly ttl?: number;
  /** 0 no error, 2 server failure, 3 no such name; `silent` does not answer at all. */
  readonly code?: number | 'silent';
}

/** A name server on a UDP port of its own. IPv6 addresses must be written in full, eight groups. */
export async function startDnsServer(zoneOf: (name: string, type: 'a' | 'aaaa') => Zone) {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end) === 28 ? 'aaaa' : 'a';
    asked.push(`${type} ${name}`);
    const { code = 0, ttl = 60, ...zone } = zoneOf(name, type);
    if (code === 'silent') return;
    const records = code === 0 ? (zone[type] ?? []) : [];
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    const answers = records.map((address) => record(address, type, ttl));
    socket.send(Buffer.concat([head, query.subarray(12, end + 4), ...answers]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address() as AddressInfo;
  return {
    server: `127.0.0.1:${port}`,
    asked,
    stop: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  while (message[at] !== 0) {
    const length = message[at]!;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function record(address: string, type: 'a' | 'aaaa', ttl: number): Buffer {
  const bytes =
    type === 'a'
      ? address.split('.').map(Number)
      : address.split(':').flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type === 'a' ? 1 : 28, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([head, Buffer.from(bytes)]);
}
