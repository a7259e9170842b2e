import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SettlerHere } from '../../src/config/settler-here.ts';
import type { SidecarStatus } from '../../src/config/sidecar-status.ts';
import { decodeStatus } from '../../src/config/status-text.ts';
import { consulTitle, findConsul } from '../support/consul.ts';
import { ConsulCluster } from '../support/consul-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ReportingSidecar } from '../support/reporting-sidecars.ts';
import { Command } from './command.ts';

const consul = await findConsul();
/** 200 is what the promise is about; `REMORA_SIDECARS` says another number. */
const COUNT = Number(process.env['REMORA_SIDECARS'] ?? 200);
/** Each has two long polls and a call now and then, over three agents. */
const MAX_CONNECTIONS = 4 * COUNT;

describe.skipIf(consul.path === null)(consulTitle(`${COUNT} sidecars on three servers`, consul), () => {
  let cluster: ConsulCluster;
  const sidecars: ReportingSidecar[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'remora-mesh-'));

  const statuses = async (): Promise<readonly SidecarStatus[]> => {
    const kept = await cluster.http.get<readonly { Value: string }[]>('/kv/remora/status/?recurse');
    return kept.map(({ Value }) => decodeStatus(Buffer.from(Value, 'base64').toString()));
  };
  const total = (): number => sidecars.reduce((sum, sidecar) => sum + sidecar.total, 0);
  const remora = (...args: readonly string[]): Command => new Command(cluster.http.address, args);
  const apply = (document: object, ...args: readonly string[]): Command => {
    const file = join(folder, 'document.json');
    writeFileSync(file, JSON.stringify(document));
    return remora('config', 'apply', file, '--mesh', ...args);
  };

  beforeAll(async () => {
    cluster = await ConsulCluster.start(consul.path!, MAX_CONNECTIONS);
    expect(await remora('init').ended).toMatchObject({ code: 0 });
    const settler = new SettlerHere(() => Date.now());
    const addresses = cluster.serverAddresses;
    for (let i = 0; i < COUNT; i++) {
      sidecars.push(await ReportingSidecar.start(i, addresses[i % addresses.length]!, settler));
    }
    await eventually(async () => (await statuses()).length === COUNT, 60_000);
  }, 120_000);

  afterAll(async () => {
    await Promise.all(sidecars.map((sidecar) => sidecar.stop()));
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('all acknowledge a change, and Consul sees few requests for it', async () => {
    const before = total();
    const startedAt = performance.now();
    const { code, text } = await apply({ upstreams: { orders: { timeouts: { request: '7s' } } } }, '--wait').ended;
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(text).toContain(`${COUNT} of ${COUNT} sidecars applied it`);
    expect(code).toBe(0);
    const asked = total() - before;
    const perSidecar = asked / COUNT;
    console.log(`${COUNT} sidecars acknowledged a change in ${seconds.toFixed(1)} s; Consul saw ${asked} requests`);
    // The watch once more, the status once, and what a minute at rest costs: five a minute.
    expect(perSidecar).toBeLessThanOrEqual(3 + seconds / 10);
  }, 120_000);
});
