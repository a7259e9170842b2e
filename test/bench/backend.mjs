import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { statusOf } from '../support/remora.mjs';
import { freePorts, hasProgram } from '../support/workbench.mjs';
import { runNginx } from './peers.mjs';

const ORIGIN = fileURLToPath(new URL('../support/origin.mjs', import.meta.url));
const SIZES = { '100b': 100, '10k': 10 * 1024, '1m': 1024 * 1024 };

/**
 * What answers behind every proxy: three ports for HTTP/1.1, three for HTTP/2 (nginx alone), three bodies of bytes
 * that do not repeat.
 *
 * It is nginx where there is one, because it leaves most of the shared core to the proxy. Its own CPU is not
 * counted, so the slower stand-in changes how busy the proxy is and little else.
 */
export async function startBackend(bench) {
  const folder = join(bench.folder, 'bodies');
  mkdirSync(folder);
  const bodies = new Map(Object.entries(SIZES).map(([name, size]) => [`/${name}`, noise(size)]));
  for (const [path, bytes] of bodies) writeFileSync(join(folder, path), bytes);

  const [ports, h2Ports] = [await freePorts(3), await freePorts(3)];
  const isNginx = hasProgram('nginx');
  const job = isNginx
    ? runNginx(bench, 'backend', staticSite(folder, ports, h2Ports))
    : bench.start('backend', process.execPath, [ORIGIN, folder, ...ports]);
  await bench.until(job, 'ready', async () => (await statusOf(ports.at(-1), '/100b')) === 200);
  return { ports, h2Ports: isNginx ? h2Ports : null, bodies, kind: isNginx ? 'nginx' : 'node' };
}

function staticSite(folder, ports, h2Ports) {
  const plain = ports.map((port) => `listen 127.0.0.1:${port} backlog=4096;`);
  const h2 = h2Ports.map((port) => `listen 127.0.0.1:${port} http2 backlog=4096;`);
  const listens = [...plain, ...h2].join(' ');
  return `http2_max_concurrent_streams 1024; sendfile on; tcp_nopush on; open_file_cache max=16 inactive=1h; open_file_cache_valid 1h;
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
