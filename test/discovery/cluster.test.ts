import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Watch } from '../../src/base/watch.ts';
import type { ClusterSnapshot } from '../../src/cluster/snapshot.ts';
import { ConsulClient } from '../../src/discovery/consul-client.ts';
import { ConsulKv } from '../../src/discovery/consul-kv.ts';
import { ConsulSource } from '../../src/discovery/consul-source.ts';
import type { KvDocument } from '../../src/discovery/kv.ts';
import { consulTitle, findConsul } from '../support/consul.ts';
import { ConsulCluster } from '../support/consul-cluster.ts';
import { queryFor } from '../support/endpoint-specs.ts';
import { eventually } from '../support/eventually.ts';

const consul = await findConsul();
const clock = new SystemClock();
const random = new SeededRandom(13);
const ends = new AbortController();

describe.skipIf(consul.path === null)(consulTitle('with three Consul servers', consul), () => {
  let cluster: ConsulCluster;
  let client: ConsulClient;
  let web: Watch<ClusterSnapshot>;
  let settings: Watch<KvDocument>;
  let fewest = Number.POSITIVE_INFINITY;
  let registered = 0;

  const addInstance = async (): Promise<void> => {
    registered += 1;
    await eventually(() => cluster.http.register('web', `web-${registered}`, 1000 + registered).then(() => true));
  };
  const seesAll = () => eventually(() => web.value?.endpoints.length === registered && web.problem === null, 20_000);
  const seesSetting = async (text: string): Promise<void> => {
    await eventually(() => cluster.http.put('/kv/remora/config/mesh', text).then(() => true));
    await eventually(() => settings.value?.text === text && settings.problem === null, 20_000);
  };

  beforeAll(async () => {
    cluster = await ConsulCluster.start(consul.path!);
    const tls = { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true };
    const { address } = cluster.http;
    client = new ConsulClient({ address, token: null, tokenFile: null, datacenter: null, namespace: null, tls }, clock);
    // A server that lost its leader holds a long poll to its end, and only then says that it knows none.
    web = new ConsulSource(client, clock, random, NO_LOG, { waitMs: 3_000 }).follow(queryFor('web'), ends.signal);
    settings = new ConsulKv(client, clock, random).follow('remora/config/mesh', ends.signal);
    for (const _ of [1, 2, 3]) await addInstance();
    await seesAll();
    await seesSetting('first');
    web.subscribe(({ endpoints }) => {
      fewest = Math.min(fewest, endpoints.length);
    });
  });

  afterAll(async () => {
    ends.abort();
    client?.close();
    await cluster?.stop();
  });

  it('keeps everything when the leader is killed, and sees what changes after the election', async () => {
    const leader = await cluster.leader();
    await cluster.kill(leader);
    await addInstance();
    await seesAll();
    await seesSetting('second');
    expect(fewest).toBe(3);
    cluster.restart(leader);
    await cluster.http.ready();
  });

  it('keeps everything while there is no quorum, says so, and sees what changes when it is back', async () => {
    const leader = await cluster.leader();
    const lost = [leader, (leader + 1) % 3];
    await Promise.all(lost.map((server) => cluster.kill(server)));
    await eventually(() => web.problem !== null && settings.problem !== null);
    expect(web.value?.endpoints.length).toBe(registered);
    expect(settings.value?.text).toBe('second');

    for (const server of lost) cluster.restart(server);
    await cluster.http.ready();
    await addInstance();
    await seesAll();
    await seesSetting('third');
    expect(fewest).toBe(3);
  });
});
