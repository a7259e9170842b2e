import { createServer, get } from 'node:http';

const TIMEOUT_MS = 3_000;
const MAX_BYTES = 4 * 1_048_576;

/** The body of a GET to a port of this machine. Rejects for anything but 200. */
export function ask(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path, agent: false, timeout: TIMEOUT_MS }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
        if (text.length > MAX_BYTES) asked.destroy(new Error(`${path}: an endless answer`));
      });
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(text);
        else reject(new Error(`${path}: ${answer.statusCode}`));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`${path}: no answer within ${TIMEOUT_MS} ms`)));
    asked.on('error', reject);
  });
}

/** Ports nobody uses now, for a process that cannot be told to take port 0. All are held until all are known. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.on('error', reject);
          server.listen(0, '127.0.0.1', () => {
            const bound = server.address();
            resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
