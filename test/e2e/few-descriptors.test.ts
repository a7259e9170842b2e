import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { WireClient } from '../support/wire-client.ts';
import { OriginApp } from './origin-app.ts';

const DESCRIPTORS = 256;
const CLIENTS = 400;

describe.each(['data', 'handle'])('a sidecar that may have few descriptors, %s,', (transport) => {
  let origin: OriginApp;
  let sidecar: Sidecar;
  const clients: WireClient[] = [];

  beforeAll(async () => {
    origin = await OriginApp.start('a');
    sidecar = await Sidecar.start(
      {
        service: { name: 'web', port: origin.port },
        inbound: { port: 0 },
        upstreams: { orders: { port: 0 } },
        static: { orders: [origin.address] },
        // The bound itself is looked at, and not what is done on the way there.
        overload: { sockets: { mode: 'off' } },
      },
      { args: ['--transport', transport], descriptors: DESCRIPTORS },
    );
  });

  afterAll(async () => {
    for (const client of clients) client.leave();
    await sidecar.kill();
    await origin.kill();
  });

  async function isServed(port: number): Promise<boolean> {
    const client = await WireClient.connect(port);
    clients.push(client);
    client.ask('/');
    await client.answered(1);
    return client.statuses[0] === 200;
  }

  async function connected(): Promise<number> {
    const { listeners } = (await (await sidecar.get('/listeners')).json()) as { listeners: { connections: number }[] };
    return listeners.reduce((sum, { connections }) => sum + connections, 0);
  }

  /** CPU used so far, in ms: `utime` and `stime` of the kernel, which counts in hundredths of a second. */
  function cpuMs(): number {
    const [, rest = ''] = readFileSync(`/proc/${sidecar.pid}/stat`, 'latin1').split(') ');
    const fields = rest.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  it('says at its start how many clients it takes, and how many were configured', () => {
    const warning = sidecar.log.find(({ event }) => event === 'too_few_descriptors');
    expect(warning).toMatchObject({ openFiles: DESCRIPTORS, wantedConnections: 20_000, maxConnections: 112 });
    expect(warning!['advice']).toContain('LimitNOFILE=20032');
  });

  it('serves as many as it takes on all ports together, and turns the others away', async () => {
    const ports = [sidecar.port('orders'), sidecar.port('inbound')];
    const served = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => isServed(ports[i % 2]!)));
    expect(served.filter(Boolean)).toHaveLength(112);
    expect(await connected()).toBe(112);
    expect(await sidecar.metric('remora_rejects_total', { failure: 'too_many_connections' })).toBe(CLIENTS - 112);
  });

  it('serves those who are in while others knock', async () => {
    const guests = clients.filter(({ end }) => end === null);
    expect(guests).toHaveLength(112);
    await Promise.all(
      guests.map(async (client) => {
        client.ask('/again');
        await client.answered(2);
        expect(client.statuses).toEqual([200, 200]);
      }),
    );
  });

  it('does not spin', async () => {
    const before = cpuMs();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(cpuMs() - before).toBeLessThan(150);
  });

  it('accepts again when some have left', async () => {
    for (const client of clients.splice(0)) client.leave();
    await eventually(async () => (await connected()) === 0);
    expect(await isServed(sidecar.port('orders'))).toBe(true);
    expect(await sidecar.metric('remora_bugs_total')).toBe(0);
  });
});
