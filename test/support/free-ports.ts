import { createServer } from 'node:net';

/** Ports nobody uses now, for processes that cannot be told to take port 0. All are held until all are known. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.on('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** The first of so many ports in a row that nobody uses now, below those that the kernel gives to others meanwhile. */
export async function portsInARow(count: number): Promise<number> {
  for (let first = 20_000; first + count < 32_000; first += count) {
    if ((await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)))).every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
