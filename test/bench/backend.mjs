import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { statusOf } from '../support/remora.mjs';
import { freePorts, hasProgram } from '../support/workbench.mjs';
import { runNginx } from './peers.mjs';

const ORIGIN = fileURLToPath(new URL('../support/origin.mjs', import.meta.url));
const SIZES = { '100b': 100, '10k': 10 * 1024, '1m': 1024 * 1024 };

/**
 * What answers behind every proxy: three ports, three bodies of bytes that do not repeat.
 *
 * It is nginx where there is one, because it leaves most of the shared core to the proxy. Its own CPU is not
 * counted, so the slower stand-in changes how busy the proxy is and little else.
 */
export async function startBackend(bench) {
  const folder = join(bench.folder, 'bodies');
  mkdirSync(folder);
  const bodies = new Map(Object.entries(SIZES).map(([name, size]) => [`/${name}`, noise(size)]));
  for (const [path, bytes] of bodies) writeFileSync(join(folder, path), bytes);

  const ports = await freePorts(3);
  const isNginx = hasProgram('nginx');
  const job = isNginx
    ? runNginx(bench, 'backend', staticSite(folder, ports))
    : bench.start('backend', process.execPath, [ORIGIN, folder, ...ports]);
  await bench.until(job, 'ready', async () => (await statusOf(ports.at(-1), '/100b')) === 200);
  return { ports, bodies, kind: isNginx ? 'nginx' : 'node' };
}

function staticSite(folder, ports) {
  const listens = ports.map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join(' ');
  return `sendfile on; tcp_nopush on; open_file_cache max=16 inactive=1h; open_file_cache_valid 1h;
  server { ${listens} root ${folder}; default_type application/octet-stream; }`;
}

/** Bytes of a fixed xorshift sequence: a chunk lost, repeated or moved cannot go unseen. */
function noise(size) {
  const bytes = Buffer.allocUnsafe(size);
  let x = 0x9e3779b9;
  for (let i = 0; i < size; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
  }
  return bytes;
}
