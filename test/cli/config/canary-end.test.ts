import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { type CanaryOptions, runCanary } from '../../../src/cli/config/canary.ts';
import { EXIT, type ExitCode } from '../../../src/cli/config/exit.ts';
import { configKey, objectionKey, rolloutKey, statusKey } from '../../../src/config/kv-keys.ts';
import type { Objection, Rollout, VerdictKind } from '../../../src/config/rollout.ts';
import { decodeRollout, encodeObjections, encodeRollout } from '../../../src/config/rollout-text.ts';
import { encodeStatus } from '../../../src/config/status-text.ts';
import { LayerStore } from '../../../src/config/store/store.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type Fate, MemoryKv } from '../../support/memory-kv.ts';
import { settled } from '../../support/settled.ts';

const OPTIONS: CanaryOptions = {
  share: 10_000,
  guards: [{ kind: 'error_ratio', bound: 0.01 }],
  forMs: 10_000,
  idleOk: false,
  detach: false,
};

/** An operator and the command that he runs. */
class Watcher {
  text = '';
  code: ExitCode | null = null;
  readonly stop = new AbortController();
  readonly store: LayerStore;

  constructor(
    readonly kv: MemoryKv,
    private readonly clock: ManualClock,
    private readonly by: string,
  ) {
    this.store = new LayerStore(kv, clock, this.stop.signal);
  }

  async apply(text: string, options: Partial<CanaryOptions> = {}): Promise<void> {
    const { kv: api, clock, store, by, stop } = this;
    const out = { write: (said: string) => void (this.text += said) };
    const operator = { api, store, clock, out, by, env: {}, random: new SeededRandom(5), signal: stop.signal };
    const proposal = { layer: 'mesh', base: await store.layer('mesh'), text, message: '' } as const;
    void runCanary(operator, proposal, { ...OPTIONS, ...options }).then((code) => {
      this.code = code;
    });
  }

  async story(): Promise<readonly string[]> {
    return (await this.store.history('mesh')).map(({ kind, by }) => `${kind} by ${by}`);
  }
}

class Scene {
  readonly clock = new ManualClock();
  readonly kv = new MemoryKv();

  constructor(...sidecars: readonly string[]) {
    this.kv.put(configKey('mesh'), '{}');
    for (const name of sidecars) this.judge(name, null);
  }

  desk(by = 'ann@desk'): Watcher {
    return new Watcher(this.kv, this.clock, by);
  }

  get rollout(): Rollout {
    return decodeRollout('mesh', this.kv.keys.get(rolloutKey('mesh'))!.text);
  }

  get document(): string {
    return this.kv.keys.get(configKey('mesh'))!.text;
  }

  judge(instance: string, kind: VerdictKind | null): void {
    const verdicts = kind === null ? [] : [{ seed: this.rollout.seed, kind, requests: 200, why: 'as it is' }];
    const rest = { version: '1', startedAtMs: 0, sinceMs: 0, layers: [], calls: ['orders'], verdicts, rings: {} };
    this.kv.put(statusKey('web', instance), encodeStatus({ service: 'web', instance, ...rest }));
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(500);
      await settled();
    }
  }
}

function objection(seed: string, layer: Objection['layer']): Objection {
  return { seed, layer, kind: 'broken', requests: 200, why: 'error_ratio 20 %', atMs: 0 };
}

describe('the end of a canary', () => {
  it('is told by both of two commands that look after it, as it is', async () => {
    const scene = new Scene('a');
    const [ann, bob] = [scene.desk(), scene.desk('bob@desk')];
    await ann.apply('a: 1\n');
    await scene.pass(500);
    await bob.apply('a: 1\n');
    await scene.pass(9_000);
    scene.judge('a', 'passed');
    await scene.pass(4_000);
    expect([ann.code, bob.code]).toEqual([EXIT.done, EXIT.done]);
    expect(ann.text + bob.text).toMatch(/promoted by \w+@desk: mesh is at revision \d+ for all sidecars/);
    expect(scene.document).toBe('a: 1\n');
    expect(await ann.story()).toHaveLength(1);
  });

  it('is no promotion where somebody takes it back in the middle of one', async () => {
    const scene = new Scene('a');
    const [ann, bob] = [scene.desk(), scene.desk('bob@desk')];
    await ann.apply('a: 1\n');
    await scene.pass(500);
    await bob.apply('a: 1\n');
    await scene.pass(500);
    const transact = scene.kv.transact.bind(scene.kv);
    scene.kv.transact = async (writes = []) => {
      scene.kv.transact = transact;
      bob.stop.abort();
      await settled();
      return transact(writes);
    };
    await scene.pass(9_000);
    scene.judge('a', 'passed');
    await scene.pass(3_000);
    expect(scene.document).toBe('{}');
    expect(ann.code).toBe(EXIT.refused);
    expect(await ann.story()).toEqual(['halted by bob@desk']);
    expect(ann.text).toContain('bob@desk has ended the rollout: interrupted by bob@desk');
  });

  it.each<readonly Fate[]>([['lost_done'], ['late'], ['lost']])(
    'is its own where the answer was %s',
    async (...fates) => {
      const scene = new Scene('a');
      const ann = scene.desk();
      await ann.apply('a: 1\n');
      await scene.pass(1_000);
      scene.judge('a', 'refused');
      scene.kv.fates.push(...fates);
      await scene.pass(5_000);
      expect(ann.code).toBe(EXIT.refused);
      expect(ann.text).toContain('not promoted: web/a: as it is');
      expect(await ann.story()).toEqual(['halted by ann@desk']);
    },
  );

  it('is no pass where a canary is gone before it has passed', async () => {
    const scene = new Scene('a', 'b');
    const ann = scene.desk();
    await ann.apply('a: 1\n');
    await scene.pass(2_000);
    scene.kv.keys.delete(statusKey('web', 'b'));
    await scene.pass(8_000);
    scene.judge('a', 'passed');
    await scene.pass(15_000);
    expect(ann.text).toContain('not judged by web/b (it was there and has no status any more)');
    expect(ann.code).toBe(EXIT.refused);
    expect(scene.document).toBe('{}');
  });

  it('is one where a canary is gone after it has passed', async () => {
    const scene = new Scene('a', 'b');
    const ann = scene.desk();
    await ann.apply('a: 1\n');
    await scene.pass(8_000);
    for (const name of ['a', 'b']) scene.judge(name, 'passed');
    await scene.pass(1_000);
    scene.kv.keys.delete(statusKey('web', 'b'));
    await scene.pass(2_000);
    expect(ann.code).toBe(EXIT.done);
  });

  it('leaves what a sidecar has against another rollout', async () => {
    const scene = new Scene('a');
    const ann = scene.desk();
    await ann.apply('a: 1\n');
    await scene.pass(1_000);
    const other: Rollout = { ...scene.rollout, layer: 'service/orders', base: '0', seed: 'abcdef0123456789' };
    scene.kv.put(rolloutKey('service/orders'), encodeRollout(other));
    const key = objectionKey('web', 'a');
    const both = [objection(scene.rollout.seed, 'mesh'), objection(other.seed, 'service/orders')];
    scene.kv.put(key, encodeObjections(both));
    await scene.pass(2_000);
    expect(ann.code).toBe(EXIT.refused);
    expect(scene.kv.keys.has(key)).toBe(true);
  });
});

describe('a canary that begins', () => {
  it.each<readonly Fate[]>([['lost_done'], ['late'], ['lost', 'lost']])(
    'is staged once where the answer was %s',
    async (...fates) => {
      const scene = new Scene('a');
      const ann = scene.desk();
      scene.kv.fates.push(...fates);
      await ann.apply('a: 1\n');
      await scene.pass(3_000);
      expect(ann.code).toBe(null);
      expect(ann.text).toContain('1 of 1 sidecars go first: web/a');
      scene.judge('a', 'refused');
      await scene.pass(2_000);
      expect(ann.code).toBe(EXIT.refused);
    },
  );

  it('says that it was not staged where Consul will not have it', async () => {
    const scene = new Scene('a');
    const ann = scene.desk();
    scene.kv.fates.push('denied');
    await ann.apply('a: 1\n');
    await scene.pass(1_000);
    expect(ann.code).toBe(EXIT.invalid);
    expect(ann.text).toContain('not staged: Consul answered 403: Permission denied\nThe rights that a token needs');
  });

  it('says that it is not known whether it was staged, and what to do', async () => {
    const scene = new Scene('a');
    const ann = scene.desk();
    scene.kv.fates.push(...new Array<Fate>(1_000).fill('lost'));
    await ann.apply('a: 1\n');
    await scene.pass(31_000);
    expect(ann.code).toBe(EXIT.unknown);
    expect(ann.text).toContain('it is not known whether it was staged: Consul answered 500: No cluster leader');
    expect(ann.text).toContain('the same command looks after them');
  });

  it('takes the place of one whose layer was changed by hand', async () => {
    const scene = new Scene('a');
    const ann = scene.desk();
    await ann.apply('a: 1\n', { detach: true });
    await scene.pass(1_000);
    scene.kv.put(configKey('mesh'), 'by: hand\n');
    await ann.apply('b: 2\n', { detach: true });
    await scene.pass(1_000);
    expect(ann.code).toBe(EXIT.done);
    expect(ann.text).toMatch(/went back: it was made of revision \d+, and mesh is at \d+ by now/);
    expect(scene.rollout.candidate).toBe('b: 2\n');
  });

  it('clears away objections to what is long over', async () => {
    const scene = new Scene('a');
    scene.kv.put(objectionKey('web', 'killed'), encodeObjections([objection('0123456789abcdef', 'mesh')]));
    const ann = scene.desk();
    await ann.apply('a: 1\n', { detach: true });
    await scene.pass(1_000);
    expect([...scene.kv.keys.keys()].filter((key) => key.includes('objection'))).toEqual([]);
  });
});
