import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consulTitle, findConsul } from '../support/consul.ts';
import { ConsulCluster } from '../support/consul-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, Load } from './mesh.ts';

const consul = await findConsul();
/** An election on a busy machine, and the backoff of a sidecar that saw it fail a few times. */
const PATIENCE_MS = 45_000;

describe.skipIf(consul.path === null)(
  consulTitle('under load, three Consul servers', consul),
  { timeout: 60_000 },
  () => {
    let cluster: ConsulCluster;
    let web: Sidecar;
    const apps: App[] = [];

    const add = async (name: string): Promise<void> => {
      const app = await App.start(name);
      apps.push(app);
      await eventually(() => cluster.http.register('orders', name, app.port).then(() => true));
    };

    beforeAll(async () => {
      cluster = await ConsulCluster.start(consul.path!);
      await add('a');
      await add('b');
      web = await Sidecar.start({
        service: { name: 'web', port: 8080 },
        upstreams: { orders: { port: 0, protocol: 'http' } },
        consul: { address: cluster.http.address },
      });
      await eventually(async () => (await web.cluster('orders')).endpoints.length === 2);
    });

    afterAll(async () => {
      await web?.kill();
      for (const app of apps) await app.stop();
      await cluster?.stop();
    });

    it('cost no request when their leader is killed, and what changes afterwards is seen', async () => {
      const load = new Load(() => web.port('orders'));
      await load.seesOnly(['a', 'b']);
      const leader = await cluster.leader();
      await cluster.kill(leader);
      await add('c');
      await load.sees('c', PATIENCE_MS);
      cluster.restart(leader);
      await cluster.http.ready();
      expect(await load.stop()).toEqual([]);
    });

    it('cost no request while there is no quorum, and what changes when it is back is seen', async () => {
      const load = new Load(() => web.port('orders'));
      const leader = await cluster.leader();
      const lost = [leader, (leader + 1) % 3];
      await Promise.all(lost.map((server) => cluster.kill(server)));
      // Nobody can write any more: Consul refuses, or still looks for a leader when the test loses patience.
      const write = (): Promise<number> =>
        cluster.http.call('PUT', '/kv/test/quorum', 'no').then(
          ({ status }) => status,
          () => 0,
        );
      await eventually(async () => (await write()) !== 200);
      await load.passes(400);
      await load.seesOnly(['a', 'b', 'c']);

      for (const server of lost) cluster.restart(server);
      await cluster.http.ready();
      await add('d');
      await load.sees('d', PATIENCE_MS);
      await cluster.http.setCheck('a', 'critical');
      await load.seesOnly(['b', 'c', 'd']);
      expect(await load.stop()).toEqual([]);
      await eventually(async () => (await web.cluster('orders')).problem === null);
    });
  },
);
