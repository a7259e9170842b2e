import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { runApply } from '../../src/cli/config/apply.ts';
import type { CanaryOptions } from '../../src/cli/config/canary.ts';
import { EXIT, type ExitCode } from '../../src/cli/config/exit.ts';
import { runInit } from '../../src/cli/config/init.ts';
import { STATUS_PREFIX } from '../../src/config/kv-keys.ts';
import { SettlerHere } from '../../src/config/settler-here.ts';
import { RolloutStore } from '../../src/config/store/rollouts.ts';
import type { KvWrite, Transaction } from '../../src/discovery/consul-api.ts';
import { ConsulClient } from '../../src/discovery/consul-client.ts';
import { Desk } from '../cli/operator.ts';
import { consulTitle, findConsul } from '../support/consul.ts';
import { ConsulCluster } from '../support/consul-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { ReportingSidecar } from '../support/reporting-sidecars.ts';

const consul = await findConsul();
const TLS = { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true };
const clock = new SystemClock();
const SIDECARS = 3;
/** Each costs an election and a canary. */
const TRIES = Math.min(20, Number(process.env['REMORA_TRIES'] ?? 1));
const CANARY: CanaryOptions = {
  share: 10_000,
  guards: [{ kind: 'error_ratio', bound: 0.5 }],
  forMs: 2_000,
  idleOk: false,
  detach: false,
};

/** Somebody is told when a transaction with such a write leaves. */
class WatchedClient extends ConsulClient {
  watched: { readonly key: string; readonly onTransact: () => void } | null = null;

  override transact(writes: readonly KvWrite[], signal: AbortSignal): Promise<Transaction> {
    const doing = super.transact(writes, signal);
    const { watched } = this;
    if (watched !== null && writes.some((write) => write.kind === 'set' && write.key.startsWith(watched.key))) {
      this.watched = null;
      watched.onTransact();
    }
    return doing;
  }
}

describe.skipIf(consul.path === null)(consulTitle('canaries on three servers', consul), { timeout: 300_000 }, () => {
  let cluster: ConsulCluster;
  const clients: ConsulClient[] = [];
  const sidecars: ReportingSidecar[] = [];

  const desk = (by: string, seed: number): readonly [Desk, WatchedClient] => {
    const options = { address: cluster.http.address, token: null, tokenFile: null, datacenter: null, namespace: null };
    const client = new WatchedClient({ ...options, tls: TLS }, clock);
    clients.push(client);
    return [new Desk(client, clock, by, seed), client];
  };
  const apply = (at: Desk, ms: number): Promise<ExitCode> => {
    const file = at.file('a.yaml', `upstreams: { orders: { timeouts: { request: ${ms}ms } } }\n`);
    const options = { file, base: null, message: `to ${ms}`, waitMs: null, canary: CANARY } as const;
    return runApply(at.operator, { layer: 'mesh', ...options });
  };

  beforeAll(async () => {
    cluster = await ConsulCluster.start(consul.path!);
    const [at] = desk('ann@desk', 1);
    expect(await runInit(at.operator)).toBe(0);
    const settler = new SettlerHere(() => Date.now());
    for (let i = 0; i < SIDECARS; i++) {
      sidecars.push(await ReportingSidecar.start(i, cluster.http.address, settler));
    }
    await eventually(async () => (await at.operator.store.below(STATUS_PREFIX)).length === SIDECARS, 30_000);
  }, 60_000);

  afterAll(async () => {
    await Promise.all(sidecars.map((sidecar) => sidecar.stop()));
    for (const client of clients) client.close();
    await cluster?.stop();
  });

  it.each(['remora/rollout/mesh', 'remora/config/mesh'])(
    'come to one end, and the report of it is true, when the leader is killed while %s is written',
    async (key) => {
      const codes: ExitCode[] = [];
      for (let n = 0; n < TRIES; n++) {
        const [at, client] = desk('ann@desk', key.length * 100 + n);
        // Another chance for each: a sidecar takes up no rollout that it has left.
        const { store, api, signal } = at.operator;
        const leader = await cluster.leader();
        const before = await eventually(() => store.layer('mesh'));
        let killed: Promise<void> = Promise.resolve();
        const onTransact = () => {
          killed = new Promise((resolve) => setTimeout(resolve, 4 * n)).then(() => cluster.kill(leader));
        };
        client.watched = { key, onTransact };
        const ms = 1_000 + n + (key.includes('rollout') ? 100 : 200);
        const code = await apply(at, ms);
        await killed;
        const said = at.heard().join('\n');
        const now = await eventually(() => store.layer('mesh'));
        const isIn = now.text!.includes(`${ms}ms`);
        expect([said, isIn]).toEqual([said, code === EXIT.done]);
        if (isIn) expect(said).toContain(`promoted: mesh is at revision ${now.revision}`);
        else expect(now.revision).toBe(before.revision);
        const made = (await eventually(() => store.history('mesh'))).filter((entry) => entry.made === now.revision);
        if (isIn) expect(made).toMatchObject([{ kind: 'promoted', ended: before.revision, message: `to ${ms}` }]);
        if (code !== EXIT.unknown) expect(await new RolloutStore(api, store, signal).of('mesh')).toBe(null);
        codes.push(code);
        cluster.restart(leader);
        await cluster.http.ready();
      }
      // An election is no reason for a canary to come to nothing.
      expect(codes).toEqual(Array.from({ length: TRIES }, () => EXIT.done));
    },
  );

  it('are looked after by two commands that say the same', async () => {
    const [ann] = desk('ann@desk', 3);
    const [bob] = desk('bob@desk', 4);
    const first = apply(ann, 5_000);
    await eventually(() => ann.said.includes('go first'));
    const codes = await Promise.all([first, apply(bob, 5_000)]);
    expect([codes, ann.said, bob.said]).toEqual([[EXIT.done, EXIT.done], ann.said, bob.said]);
    const made = (await ann.operator.store.history('mesh')).filter(({ message }) => message === 'to 5000');
    expect(made).toHaveLength(1);
  });
});
