import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from './workbench.mjs';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/**
 * Starts the built remora with everything on: an HTTP and a TCP upstream over the same endpoints, failures logged,
 * spans sampled at 1 % and exported; an HTTP/2 upstream where there are endpoints for it. Ready when its admin port says so.
 *
 * `upstream` is laid over the HTTP upstream and `more` over the whole, `node` are flags for Node itself.
 */
export async function startRemora(
  bench,
  {
    ports = [],
    endpoints = addresses(ports),
    h2Ports = null,
    otlp,
    env = {},
    node = [],
    upstream = {},
    main = process.env.REMORA_MAIN ?? MAIN,
    more = {},
  },
) {
  const [http, tcp, h2, admin, application] = await freePorts(5);
  // A folder to itself: remora watches it, and would look again whenever a log beside it is made.
  const file = join(mkdtempSync(join(bench.folder, 'remora-')), 'remora.yaml');
  const rpc = h2Ports === null ? {} : { rpc: { port: h2, protocol: 'http2' } };
  const config = {
    service: { name: 'web', port: application },
    upstreams: { orders: { port: http, protocol: 'http', ...upstream }, cache: { port: tcp, protocol: 'tcp' }, ...rpc },
    static: { orders: endpoints, cache: endpoints, ...(h2Ports === null ? {} : { rpc: addresses(h2Ports) }) },
    admin: { port: admin, grpcPort: 0 },
    telemetry: { sampleRatio: 0.01, accessLog: 'failures', otlp: { endpoint: otlp, protocol: 'http/protobuf' } },
    ...more,
  };
  writeFileSync(file, JSON.stringify(config, null, 2)); // JSON is YAML
  const args = [...node, main, 'run', '-c', file];
  const job = bench.start('remora', process.execPath, args, { env: { ...ownEnvironment(), ...env } });
  await bench.until(job, 'ready', async () => (await statusOf(admin, '/ready')) === 200);
  // Which way to move bytes it chose is a fact of the measurement; it says so in its first lines.
  const transport = /"transport":"(\w+)"/.exec(readFileSync(job.log, 'utf8'))?.[1] ?? 'unknown';
  return { job, ports: { http, tcp, h2: h2Ports === null ? null : h2 }, transport };
}

function addresses(ports) {
  return ports.map((port) => `127.0.0.1:${port}`);
}

/** A Consul that happens to be configured on this machine has no part in a measurement. */
function ownEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CONSUL|OTEL|NODE_OPTIONS)/.test(name)));
}

/** The status of one GET on loopback; 0 when there is no answer. */
export function statusOf(port, path) {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, timeout: 2_000 }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(0));
  });
}
