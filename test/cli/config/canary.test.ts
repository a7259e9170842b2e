import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { type CanaryOptions, runCanary } from '../../../src/cli/config/canary.ts';
import { EXIT, type ExitCode } from '../../../src/cli/config/exit.ts';
import type { Operator } from '../../../src/cli/config/operator.ts';
import { runConfigStatus } from '../../../src/cli/config/status.ts';
import { configKey, objectionKey, rolloutKey, statusKey } from '../../../src/config/kv-keys.ts';
import type { Rollout, Verdict, VerdictKind } from '../../../src/config/rollout.ts';
import { decodeRollout, encodeObjections } from '../../../src/config/rollout-text.ts';
import { isInShare } from '../../../src/config/rollouts.ts';
import type { LayerStatus, SidecarStatus } from '../../../src/config/sidecar-status.ts';
import { encodeStatus } from '../../../src/config/status-text.ts';
import { LayerStore } from '../../../src/config/store/store.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryKv } from '../../support/memory-kv.ts';
import { settled } from '../../support/settled.ts';

const OPTIONS: CanaryOptions = {
  share: 1_000,
  guards: [{ kind: 'error_ratio', bound: 0.01 }],
  forMs: 60_000,
  idleOk: false,
  detach: false,
};
const LONG_ENOUGH_MS = 90_000;

class Scene {
  readonly clock = new ManualClock();
  readonly kv = new MemoryKv();
  readonly stop = new AbortController();
  readonly store: LayerStore;
  readonly operator: Operator;
  text = '';
  private code: ExitCode | null = null;

  constructor(sidecars: number) {
    const { clock, kv } = this;
    kv.put(configKey('mesh'), '{}');
    this.store = new LayerStore(kv, clock, this.stop.signal);
    const out = { write: (text: string) => void (this.text += text) };
    const rest = { env: {}, by: 'ann@desk', random: new SeededRandom(3), signal: this.stop.signal };
    this.operator = { api: kv, store: this.store, clock, out, ...rest };
    for (let i = 1; i <= sidecars; i++) this.say(`web-${i}`, []);
  }

  say(instance: string, verdicts: readonly Verdict[], layers: readonly LayerStatus[] = []): void {
    const at = { startedAtMs: 0, sinceMs: this.clock.wallMs() };
    const status: SidecarStatus = {
      service: 'web',
      instance,
      version: '1',
      ...at,
      layers,
      calls: ['orders'],
      verdicts,
      rings: {},
    };
    this.kv.put(statusKey('web', instance), encodeStatus(status));
  }

  get rollout(): Rollout | null {
    const found = this.kv.keys.get(rolloutKey('mesh'));
    return found === undefined ? null : decodeRollout('mesh', found.text);
  }

  get canaries(): readonly string[] {
    const names = [...this.kv.keys.keys()].flatMap((key) => /^remora\/status\/web\/(.*)$/.exec(key)?.[1] ?? []);
    return names.filter((name) => isInShare(this.rollout!, 'web', name));
  }

  judge(instance: string, kind: VerdictKind, why = ''): void {
    this.say(instance, [{ seed: this.rollout!.seed, kind, requests: 200, why }]);
  }

  async apply(options: Partial<CanaryOptions> = {}, text = 'a: 1\n'): Promise<void> {
    const base = await this.store.layer('mesh');
    const proposal = { layer: 'mesh', base, text, message: 'faster' } as const;
    this.code = null;
    void runCanary(this.operator, proposal, { ...OPTIONS, ...options }).then((code) => {
      this.code = code;
    });
    await this.pass(1_000);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(500);
      await settled();
    }
  }

  /** How it ended. */
  async ended(withinMs = 2_000): Promise<ExitCode | null> {
    await this.pass(withinMs);
    return this.code;
  }

  get document(): string | undefined {
    return this.kv.keys.get(configKey('mesh'))?.text;
  }

  async story() {
    return (await this.store.history('mesh')).map(({ kind, story }) => ({ kind, told: story.join('\n') }));
  }
}

describe('apply --canary', () => {
  it('stages for a tenth, promotes when it passed, and tells the history', async () => {
    const scene = new Scene(20);
    await scene.apply();
    expect(scene.document).toBe('{}');
    expect(scene.canaries.length).toBe(2);
    expect(scene.text).toContain('2 of 20 sidecars go first');
    await scene.pass(60_000);
    for (const name of scene.canaries) scene.judge(name, 'passed', '200 requests');
    expect(await scene.ended()).toBe(EXIT.done);
    expect(scene.document).toBe('a: 1\n');
    expect(scene.rollout).toBe(null);
    expect(await scene.story()).toMatchObject([{ kind: 'promoted', told: expect.stringContaining('passed: 200 req') }]);
  });

  it('takes it back when a canary objects', async () => {
    const scene = new Scene(20);
    await scene.apply();
    const [name] = scene.canaries;
    const { seed } = scene.rollout!;
    const objection = { seed, layer: 'mesh', kind: 'broken', requests: 200, why: 'error_ratio 20 %', atMs: 0 } as const;
    scene.kv.put(objectionKey('web', name!), encodeObjections([objection]));
    expect(await scene.ended()).toBe(EXIT.refused);
    expect(scene.document).toBe('{}');
    expect(scene.rollout).toBe(null);
    expect([...scene.kv.keys.keys()].filter((key) => key.includes('objection'))).toEqual([]);
    const [entry] = await scene.story();
    expect(entry?.kind).toBe('halted');
    expect(entry?.told).toContain(`web/${name} broken: error_ratio 20 %`);
    expect(scene.text).toContain(`not promoted: web/${name}: error_ratio 20 %`);
  });

  it('is no pass where a canary had too few requests', async () => {
    const scene = new Scene(20);
    await scene.apply();
    const [busy, idle] = scene.canaries;
    scene.judge(idle!, 'running', '3 requests');
    await scene.pass(60_000);
    scene.judge(busy!, 'passed');
    expect(await scene.ended(LONG_ENOUGH_MS)).toBe(EXIT.refused);
    expect(scene.text).toContain(`not judged by web/${idle} (3 requests)`);
    expect(scene.document).toBe('{}');
  });

  it('is one with --idle-ok, as long as another had enough', async () => {
    for (const isAnyBusy of [true, false]) {
      const scene = new Scene(20);
      await scene.apply({ idleOk: true });
      const [busy] = scene.canaries;
      if (isAnyBusy) scene.judge(busy!, 'passed');
      expect(await scene.ended(LONG_ENOUGH_MS)).toBe(isAnyBusy ? EXIT.done : EXIT.refused);
    }
  });

  it('takes at least one sidecar, and refuses where there is none', async () => {
    const scene = new Scene(1);
    await scene.apply({ share: 1 });
    expect(scene.canaries).toEqual(['web-1']);
    const nobody = new Scene(0);
    await nobody.apply();
    expect(await nobody.ended()).toBe(EXIT.invalid);
    expect(nobody.text).toContain('none can go first');
  });

  it('shows what is staged already and leaves it alone', async () => {
    const scene = new Scene(20);
    await scene.apply({ detach: true });
    const before = scene.rollout;
    await scene.apply({}, 'b: 2\n');
    expect(await scene.ended()).toBe(EXIT.conflict);
    expect(scene.text).toContain('mesh has another document staged: 10 % of the sidecars, staged by ann@desk');
    expect(scene.rollout).toEqual(before);
  });

  it('looks after what is staged already when it is the same document', async () => {
    const scene = new Scene(20);
    await scene.apply({ detach: true });
    expect(await scene.ended()).toBe(EXIT.done);
    await scene.apply();
    await scene.pass(60_000);
    for (const name of scene.canaries) scene.judge(name, 'passed');
    expect(await scene.ended()).toBe(EXIT.done);
    expect(scene.document).toBe('a: 1\n');
  });

  it('writes down what became of a rollout that nobody looked after', async () => {
    const scene = new Scene(20);
    await scene.apply({ detach: true });
    await scene.pass(180_000);
    await scene.apply({}, 'b: 2\n');
    expect(scene.rollout?.candidate).toBe('b: 2\n');
    const [entry] = await scene.story();
    expect(entry?.told).toContain('its time was over before anybody promoted it');
  });

  it('takes the rollout back when it is interrupted', async () => {
    const scene = new Scene(20);
    await scene.apply();
    scene.stop.abort();
    expect(await scene.ended()).toBe(EXIT.refused);
    expect(scene.rollout).toBe(null);
    expect(scene.text).toContain('interrupted: the rollout is taken back');
  });

  it('ends when somebody changes the layer', async () => {
    const scene = new Scene(20);
    await scene.apply();
    scene.kv.put(configKey('mesh'), 'c: 3\n');
    expect(await scene.ended()).toBe(EXIT.conflict);
    expect(scene.document).toBe('c: 3\n');
    expect(scene.rollout).toBe(null);
  });

  it.each(['lost', 'lost_done', 'late'] as const)(
    'tells the truth when the answer to the promotion is %s',
    async (fate) => {
      const scene = new Scene(20);
      await scene.apply();
      await scene.pass(59_000);
      for (const name of scene.canaries) scene.judge(name, 'passed');
      scene.kv.fates.push(fate);
      expect(await scene.ended(10_000)).toBe(EXIT.done);
      expect(scene.document).toBe('a: 1\n');
      expect(scene.text).toContain('promoted: mesh is at revision');
    },
  );
});

describe('config status', () => {
  const at = (revision: string): LayerStatus => {
    return { layer: 'mesh', applied: revision, seen: revision, candidate: null, problems: [] };
  };

  it('says who runs what, and who refuses it and why', async () => {
    const scene = new Scene(0);
    const revision = scene.kv.put(configKey('mesh'), 'a: 1\n');
    scene.say('web-1', [], [at(revision)]);
    scene.say('web-2', [], [{ ...at('3'), seen: revision, problems: ['a: found 1, expected nothing'] }]);
    scene.say('web-3', [], [at('3')]);
    scene.kv.put(statusKey('web', 'web-4'), 'no status');
    const options = { layer: null, json: false, waitMs: null };
    expect(await runConfigStatus(scene.operator, options)).toBe(EXIT.refused);
    expect(scene.text).toContain('1 of 3 sidecars run it');
    expect(scene.text).toContain('web/web-2 refuses mesh: a: found 1, expected nothing');
    expect(scene.text).toContain('web/web-3 has not said yet that it runs mesh');
    expect(scene.text).toContain('remora/status/web/web-4: not JSON');
  });

  it('waits until all have it, and for no longer than it was told', async () => {
    const scene = new Scene(0);
    const revision = scene.kv.put(configKey('mesh'), 'a: 1\n');
    scene.say('web-1', [], [at('3')]);
    let code: ExitCode | null = null;
    const options = { layer: 'mesh' as const, json: true, waitMs: 10_000 };
    void runConfigStatus(scene.operator, options).then((ended) => {
      code = ended;
    });
    await scene.pass(2_000);
    expect(code).toBe(null);
    scene.say('web-1', [], [at(revision)]);
    await scene.pass(1_000);
    expect(code).toBe(EXIT.done);
    scene.say('web-1', [], [at('3')]);
    void runConfigStatus(scene.operator, options).then((ended) => {
      code = ended;
    });
    await scene.pass(11_000);
    expect(code).toBe(EXIT.refused);
  });
});
