import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { type ApplyOptions, runApply } from '../../src/cli/config/apply.ts';
import { runHistory } from '../../src/cli/config/history.ts';
import { runInit } from '../../src/cli/config/init.ts';
import { runRollback } from '../../src/cli/config/rollback.ts';
import type { LayerName } from '../../src/config/kv-keys.ts';
import { unsealed } from '../../src/config/seal.ts';
import { revisionsOf } from '../../src/config/store/revisions.ts';
import type { KvWrite, Transaction } from '../../src/discovery/consul-api.ts';
import { ConsulClient } from '../../src/discovery/consul-client.ts';
import { Desk } from '../cli/operator.ts';
import { consulTitle, findConsul } from '../support/consul.ts';
import { ConsulCluster } from '../support/consul-cluster.ts';
import { eventually } from '../support/eventually.ts';

const consul = await findConsul();
const TLS = { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true };
const clock = new SystemClock();
/** Each costs an election, and the history keeps 20. */
const TRIES = Math.min(20, Number(process.env['REMORA_TRIES'] ?? 4));

/** Whose transactions tell somebody when they leave. */
class WatchedClient extends ConsulClient {
  onTransact: () => void = () => {};

  override transact(writes: readonly KvWrite[], signal: AbortSignal): Promise<Transaction> {
    const doing = super.transact(writes, signal);
    this.onTransact();
    this.onTransact = () => {};
    return doing;
  }
}

describe.skipIf(consul.path === null)(
  consulTitle('documents in three Consul servers', consul),
  { timeout: 120_000 },
  () => {
    let cluster: ConsulCluster;
    const clients: WatchedClient[] = [];

    const desk = (by: string, seed: number): readonly [Desk, WatchedClient] => {
      const address = cluster.http.address;
      const options = { address, token: null, tokenFile: null, datacenter: null, namespace: null, tls: TLS };
      const client = new WatchedClient(options, clock);
      clients.push(client);
      return [new Desk(client, clock, by, seed), client];
    };
    const apply = (at: Desk, layer: LayerName, ms: number, more: Partial<ApplyOptions> = {}): Promise<number> => {
      const file = at.file(`${ms}.yaml`, `timeouts: { request: ${ms}ms }\n`);
      return runApply(at.operator, {
        layer,
        file,
        base: null,
        message: `to ${ms}`,
        waitMs: null,
        canary: null,
        ...more,
      });
    };

    beforeAll(async () => {
      cluster = await ConsulCluster.start(consul.path!);
      expect(await runInit(desk('ann@desk', 1)[0].operator)).toBe(0);
    }, 60_000);

    afterAll(async () => {
      for (const client of clients) client.close();
      await cluster?.stop();
    });

    it('lose nothing when the leader is killed during an apply, and the report is true each time', async () => {
      const [at, client] = desk('ann@desk', 2);
      const { store } = at.operator;
      const layer = 'service/orders';
      const chance = new SeededRandom(7);
      for (let n = 0; n < TRIES; n++) {
        const leader = await cluster.leader();
        // Before the write is sent, while it is under way, and after it has come back.
        const afterMs = n % 3 === 0 ? 0 : chance.below(12);
        let killed: Promise<void> = Promise.resolve();
        client.onTransact = () => {
          killed = new Promise((resolve) => setTimeout(resolve, afterMs)).then(() => cluster.kill(leader));
        };
        const code = await apply(at, layer, 1_000 + n);
        const said = at.heard().join('\n');
        await killed;
        // Servers that elect another leader answer nobody meanwhile.
        const now = await eventually(() => store.layer(layer));
        expect(said).toContain(`applied: ${layer} is revision ${now.revision}`);
        expect(code).toBe(0);
        expect(unsealed(now.text!)).toBe(`timeouts: { request: ${1_000 + n}ms }\n`);
        cluster.restart(leader);
        await cluster.http.ready();
      }
      const revisions = revisionsOf(await store.layer(layer), await store.history(layer));
      // Every document once, in order, each with who made it; the last is what was before the first.
      expect(revisions.map(({ text, madeBy }) => [text && unsealed(text), madeBy?.message ?? null])).toEqual([
        ...Array.from({ length: TRIES }, (_, i) => TRIES - 1 - i).map((n) => [
          `timeouts: { request: ${1_000 + n}ms }\n`,
          `to ${1_000 + n}`,
        ]),
        [null, null],
      ]);
    });

    it('take one of two changes made at once, and show it to whoever made the other', async () => {
      const [ann] = desk('ann@desk', 3);
      const [bob] = desk('bob@desk', 4);
      const layer = 'service/stock';
      expect(await apply(ann, layer, 1)).toBe(0);
      ann.heard();
      for (let n = 0; n < 5; n++) {
        const codes = await Promise.all([apply(ann, layer, 100 + n), apply(bob, layer, 200 + n)]);
        expect([...codes].sort()).toEqual([0, 2]);
        const [winner, loser] = codes[0] === 0 ? [ann, bob] : [bob, ann];
        const [won, lost] = codes[0] === 0 ? [100 + n, 200 + n] : [200 + n, 100 + n];
        const heard = loser.heard().join('\n');
        expect(heard).toMatch(/not applied: service\/stock is revision \d+ by now/);
        expect(heard).toContain(`by ${winner.operator.by} at `);
        expect(heard).toContain(`: to ${won}`);
        expect(heard).toMatch(new RegExp(`timeouts.request +\\d+ms -> ${won}ms\nNothing was written.`));
        expect(heard).not.toContain(`-> ${lost}ms\nNothing`);
        winner.heard();
        expect(unsealed((await ann.operator.store.layer(layer)).text!)).toContain(`${won}ms`);
      }
    });

    it('take one of two changes made at once while their leader is killed', async () => {
      const [ann, client] = desk('ann@desk', 5);
      const [bob] = desk('bob@desk', 6);
      const layer = 'service/cart';
      const leader = await cluster.leader();
      let killed: Promise<void> = Promise.resolve();
      client.onTransact = () => {
        killed = cluster.kill(leader);
      };
      const codes = await Promise.all([apply(ann, layer, 100), apply(bob, layer, 200)]);
      await killed;
      expect([...codes].sort()).toEqual([0, 2]);
      const { store } = ann.operator;
      const now = await eventually(() => store.layer(layer));
      expect(unsealed(now.text!)).toContain(codes[0] === 0 ? '100ms' : '200ms');
      expect(await eventually(() => store.history(layer))).toHaveLength(1);
      cluster.restart(leader);
      await cluster.http.ready();
    });

    it('refuse what was planned against a document that is not there any more', async () => {
      const [ann] = desk('ann@desk', 7);
      const layer = 'service/pay';
      expect(await apply(ann, layer, 1, { base: '0' })).toBe(0);
      const { revision } = await ann.operator.store.layer(layer);
      expect(await apply(ann, layer, 2, { base: revision })).toBe(0);
      ann.heard();
      expect(await apply(ann, layer, 3, { base: revision })).toBe(2);
      expect(ann.heard().join('\n')).toMatch(
        /, and it was \d+, by ann@desk at .*: to 2\nwhich says\n.*\n.*1ms -> 2ms\n/,
      );
    });

    it('go back, as a change like others that the history tells', async () => {
      const [ann] = desk('ann@desk', 8);
      const layer = 'caller/web';
      const file = ann.file('a.yaml', 'upstreams: { orders: { timeouts: { request: 1s } } }\n');
      const more = { layer, base: null, waitMs: null, canary: null } as const;
      expect(await runApply(ann.operator, { ...more, file, message: 'first' })).toBe(0);
      ann.file('a.yaml', 'upstreams: { orders: { timeouts: { request: 2s } } }\n');
      expect(await runApply(ann.operator, { ...more, file, message: 'second' })).toBe(0);
      ann.heard();
      expect(await runRollback(ann.operator, { layer, revision: null, message: 'too slow', waitMs: null })).toBe(0);
      expect((await ann.operator.store.layer(layer)).text).toContain('1s');
      ann.heard();
      expect(await runHistory(ann.operator, layer, { json: false })).toBe(0);
      const heard = ann.heard().map((line) => line.replace(/^\d+ .*Z/, 'N').replace(/revision \d+/, 'revision N'));
      expect(heard).toEqual([
        'N  rolled_back, in force  ann@desk',
        '    back to revision N: too slow',
        '    ~ upstream orders (timeouts.request 2s -> 1s)',
        'N  applied  ann@desk',
        '    second',
        '    ~ upstream orders (timeouts.request 1s -> 2s)',
        'N  applied  ann@desk',
        '    first',
        '    ~ upstream orders (timeouts.request (not said) -> 1s)',
      ]);
    });
  },
);
