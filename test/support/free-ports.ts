import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 20_000;
/** One slice per test worker, so that two of them never reach for the same port at once. */
const SLICES = 8;

const lentFrom = lowestLentPort();
const width = Math.floor((lentFrom - LOWEST) / SLICES);
const sliceStart = LOWEST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % SLICES) * width;
let offset = process.pid % width;

/**
 * Ports nobody uses now, for processes that cannot be told to take port 0 or that come back on the port they had. They
 * lie below those that the kernel lends to outgoing connections: one of those may take a port for as long as its
 * process is down.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let looked = 0; ports.length < count && looked < width; looked++) {
    const port = sliceStart + offset;
    offset = (offset + 1) % width;
    if (await isFree(port)) ports.push(port);
  }
  if (ports.length < count) throw new Error(`no ${count} free ports from ${sliceStart} on`);
  return ports;
}

/** The first of so many ports in a row that nobody uses now. */
export async function portsInARow(count: number): Promise<number> {
  for (let first = sliceStart; first + count <= sliceStart + width; first += count) {
    if ((await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)))).every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row from ${sliceStart} on`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function lowestLentPort(): number {
  try {
    const lowest = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
    if (lowest > LOWEST + 4_000) return lowest;
  } catch {
    // Not Linux: 32768 is as good a border as any.
  }
  return 32_768;
}
