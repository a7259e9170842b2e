import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { sendOne } from './load.ts';
import { NO_BREAKER } from './scene.ts';

/** Node's own server, which closes idle connections at this time and, unless it is kept from it, says so. */
const PATIENCE_MS = 2_000;
const ROUNDS = 6;
const AT_ONCE = 4;

let told: Server;
let silent: Server;
let sidecar: Sidecar;

beforeAll(async () => {
  [told, silent] = await Promise.all([serve(false), serve(true)]);
  const upstream = { port: 0, breaker: NO_BREAKER };
  sidecar = await Sidecar.start({
    service: { name: 'web', port: 1 },
    upstreams: { told: upstream, silent: upstream },
    static: { told: [addressOf(told)], silent: [addressOf(silent)] },
  });
});

afterAll(async () => {
  await sidecar.kill();
  for (const server of [told, silent]) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(isSilent: boolean): Promise<Server> {
  // Node gives clients a while more than it tells them, which would leave nothing to learn from the race.
  const options = { keepAliveTimeout: PATIENCE_MS, keepAliveTimeoutBuffer: 0 };
  const server = createServer(options as object, (request, response) => {
    if (isSilent) response.setHeader('connection', 'keep-alive');
    request.resume().on('end', () => response.end('ok'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function addressOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What cannot be sent twice, so that every stale connection is a failure that its caller sees. */
async function burst(name: string, round: number): Promise<readonly string[]> {
  const ids = Array.from({ length: AT_ONCE }, (_, i) => `${name}-${round}-${i}`);
  const results = await Promise.all(ids.map((id) => sendOne(sidecar.port(name), id, 'POST', { body: 'once' })));
  return results.filter(({ status }) => status !== 200).map(({ id, status, failure }) => `${id} ${status} ${failure}`);
}

/** Around the time at which the server closes. */
function pause(round: number): Promise<unknown> {
  return new Promise((resolve) => setTimeout(resolve, PATIENCE_MS - 60 + (round % ROUNDS) * 16));
}

async function poolOf(name: string) {
  return (await sidecar.cluster(name)).endpoints[0]!.pool;
}

it('loses no request to a server that says how long it waits, around that very time', async () => {
  const failed: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    failed.push(...(await burst('told', round)));
    await pause(round);
  }
  expect(failed).toEqual([]);
  expect(await poolOf('told')).toMatchObject({ idleTimeoutMs: 1_600, idleTimeoutFrom: 'told' });
});

it('learns it from a server that does not, and then loses none either', async () => {
  await eventually(async () => {
    await burst('silent', -1);
    await eventually(async () => (await poolOf('silent')).open === 0);
    return (await poolOf('silent')).idleTimeoutFrom === 'learned';
  });
  const { idleTimeoutMs } = await poolOf('silent');
  expect(idleTimeoutMs).toBeGreaterThan(1_500);
  expect(idleTimeoutMs).toBeLessThanOrEqual(1_800);

  const closedByServer = await sidecar.metric('remora_upstream_connections_closed_total', {
    upstream: 'silent',
    reason: 'endpoint',
  });
  const failed: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    failed.push(...(await burst('silent', round)));
    await pause(round);
  }
  expect(failed).toEqual([]);
  // It is always the sidecar that leaves.
  const labels = { upstream: 'silent', reason: 'endpoint' };
  expect(await sidecar.metric('remora_upstream_connections_closed_total', labels)).toBe(closedByServer);
});
