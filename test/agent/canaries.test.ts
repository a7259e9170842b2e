import { describe, expect, it } from 'vitest';
import { Canaries } from '../../src/agent/canaries.ts';
import { Objections } from '../../src/agent/objections.ts';
import { TrafficHistory } from '../../src/agent/traffic-history.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Cell } from '../../src/base/watch.ts';
import { configKey, type LayerName, objectionKey, rolloutKey } from '../../src/config/kv-keys.ts';
import type { KvText } from '../../src/config/material.ts';
import type { Rollout } from '../../src/config/rollout.ts';
import { decodeObjections, encodeRollout } from '../../src/config/rollout-text.ts';
import type { CandidateStanding, LayerStanding, StagedLayers } from '../../src/config/staged-layers.ts';
import type { KvDocuments } from '../../src/discovery/kv-tree.ts';
import { NOWHERE, type Traffic } from '../../src/telemetry/traffic-tally.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryKv } from '../support/memory-kv.ts';
import { settled } from '../support/settled.ts';

const FOR_MS = 60_000;

/** Settles at once; a candidate that says `bad` is refused. */
class FakeLayers implements StagedLayers {
  readonly log: string[] = [];
  seen = '0';
  private candidate: KvText | null = null;

  override(layer: LayerName, candidate: KvText | null): void {
    this.log.push(`${layer} ${candidate === null ? 'base' : candidate.text}`);
    this.candidate = candidate;
  }

  candidateOf(): CandidateStanding | null {
    if (this.candidate === null) return null;
    if (this.candidate.text !== 'bad') return { state: 'applied', problems: [] };
    const place = { source: 'kv:remora/rollout/mesh', line: 1, column: 1 };
    const problem = { ...place, path: 'upstreams', found: '"bad"', expected: 'a map', hint: null };
    return { state: 'refused', problems: [problem] };
  }

  standings(): readonly LayerStanding[] {
    return [{ layer: 'mesh', seen: this.seen, used: this.candidate, problems: [] }];
  }
}

class Scene {
  readonly clock = new ManualClock();
  readonly kv = new MemoryKv();
  readonly layers = new FakeLayers();
  readonly events: string[] = [];
  readonly canaries: Canaries;
  private readonly traffic = new Map<string, { requests: number; errors: number; durations: Float64Array }>();
  private readonly documents: Cell<KvDocuments>;
  private readonly ends = new AbortController();

  constructor() {
    const { clock, kv, layers } = this;
    const note = (event: string) => void this.events.push(event);
    const log = { info: note, warn: note, error: note };
    const key = objectionKey('web', 'web-1');
    const own = new Objections(kv, key, clock, new SeededRandom(2), log, this.ends.signal);
    const history = new TrafficHistory({ read: () => this.traffic as ReadonlyMap<string, Traffic> }, clock);
    history.start(this.ends.signal);
    const calls = () => new Map([['orders', new Set(['orders'])]]);
    const self = { service: 'web', instance: 'web-1', calls };
    this.canaries = new Canaries(self, layers, history, own, clock, log);
    this.documents = new Cell<KvDocuments>(clock);
    this.canaries.follow(this.documents, this.ends.signal);
    layers.seen = kv.put(configKey('mesh'), '{}');
  }

  stage(layer: LayerName, candidate: string, guards: Rollout['guards'] = [{ kind: 'error_ratio', bound: 0.01 }]): void {
    const startedAtMs = this.clock.wallMs();
    const base = layer === 'mesh' ? this.layers.seen : '0';
    const until = { forMs: FOR_MS, startedAtMs, untilMs: startedAtMs + FOR_MS + 30_000 };
    const seed = '00000000000000aa';
    const rollout: Rollout = { layer, base, candidate, share: 10_000, seed, guards, ...until, by: 'test' };
    this.kv.put(rolloutKey(layer), encodeRollout(rollout));
  }

  requests(upstream: string, count: number, errors = 0): void {
    const sum = this.traffic.get(upstream) ?? { requests: 0, errors: 0, durations: new Float64Array(15) };
    sum.requests += count;
    sum.errors += errors;
    sum.durations[0]! += count;
    this.traffic.set(upstream, sum);
  }

  async watch(): Promise<void> {
    const { value } = await this.kv.kvTree('remora/rollout/');
    this.documents.set({ documents: value, omitted: 0 });
    await settled();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }

  async objections() {
    return decodeObjections((await this.kv.kv(objectionKey('web', 'web-1'))).value.text ?? '[]');
  }
}

describe('Canaries', () => {
  it('runs a candidate, judges it by what came after it, and says that it passed when its time is over', async () => {
    const scene = new Scene();
    scene.requests('orders', 400);
    scene.stage('mesh', 'good');
    await scene.watch();
    expect(scene.layers.log).toEqual(['mesh good']);
    expect(scene.canaries.candidateOf('mesh')).toBe('00000000000000aa');
    scene.requests('orders', 500, 1);
    await scene.pass(1_000);
    expect(scene.canaries.verdicts()).toMatchObject([{ kind: 'running', requests: 500 }]);
    await scene.pass(FOR_MS);
    expect(scene.canaries.verdicts()).toMatchObject([{ kind: 'passed', why: 'error_ratio 0.2 % of 500 requests' }]);
    expect(scene.layers.log).toEqual(['mesh good']);
  });

  it('goes back at once when a guard breaks, and tells all others why', async () => {
    const scene = new Scene();
    scene.requests('orders', 400, 1);
    scene.stage('mesh', 'worse');
    await scene.watch();
    scene.requests('orders', 150, 30);
    await scene.pass(600);
    expect(scene.layers.log).toEqual(['mesh worse', 'mesh base']);
    const why = 'error_ratio 20 % of 150 requests, not below 1 % (0.25 % of 400 before)';
    expect(scene.canaries.verdicts()).toMatchObject([{ kind: 'broken', why }]);
    expect(await scene.objections()).toMatchObject([{ layer: 'mesh', kind: 'broken', why }]);
    await scene.watch();
    await scene.pass(60_000);
    expect(scene.layers.log).toEqual(['mesh worse', 'mesh base']);
  });

  it('objects to a candidate by which it may have come to its end before, and does not take it up', async () => {
    const scene = new Scene();
    scene.canaries.recall(new Set(['00000000000000aa']));
    scene.stage('mesh', 'deadly');
    await scene.watch();
    await scene.pass(FOR_MS);
    expect(scene.layers.log).toEqual([]);
    const why = 'the sidecar ended without a farewell while it ran the candidate';
    expect(await scene.objections()).toMatchObject([{ layer: 'mesh', kind: 'broken', why }]);
    expect(scene.canaries.verdicts()).toMatchObject([{ kind: 'broken', why }]);
  });

  it('goes back when another sidecar objects', async () => {
    const scene = new Scene();
    scene.stage('mesh', 'worse');
    await scene.watch();
    const objection = { seed: '00000000000000aa', layer: 'mesh', kind: 'refused', requests: 0, why: 'no', atMs: 0 };
    scene.kv.put(objectionKey('api', 'api-1'), JSON.stringify([objection]));
    await scene.watch();
    expect(scene.layers.log).toEqual(['mesh worse', 'mesh base']);
    expect(scene.canaries.verdicts()).toMatchObject([{ kind: 'running', why: 'somebody objects: no' }]);
    expect(await scene.objections()).toEqual([]);
  });

  it('objects to a candidate that is refused', async () => {
    const scene = new Scene();
    scene.stage('mesh', 'bad');
    await scene.watch();
    expect(scene.layers.log).toEqual(['mesh bad', 'mesh base']);
    const [objection] = await scene.objections();
    expect(objection).toMatchObject({ kind: 'refused' });
    expect(objection?.why).toBe('kv:remora/rollout/mesh:1:1 upstreams: found "bad", expected a map');
  });

  it('writes its objection when Consul is back', async () => {
    const scene = new Scene();
    scene.stage('mesh', 'bad');
    let isAway = true;
    const put = scene.kv.putKv.bind(scene.kv);
    scene.kv.putKv = async (key, text) => {
      if (isAway) throw new Error('connection refused');
      return put(key, text);
    };
    await scene.watch();
    expect(scene.events).toContain('rollout_objected');
    await scene.pass(5_000);
    isAway = false;
    await scene.pass(20_000);
    expect(scene.kv.log).toEqual(['put remora/rollout/objection/web/web-1']);
  });

  it('takes its objection away when there is nothing to object to', async () => {
    const scene = new Scene();
    scene.stage('mesh', 'bad');
    await scene.watch();
    scene.kv.keys.delete(rolloutKey('mesh'));
    await scene.watch();
    expect(scene.kv.keys.has(objectionKey('web', 'web-1'))).toBe(false);
  });

  it('judges a change of one service by calls of that service', async () => {
    const scene = new Scene();
    scene.stage('service/orders', 'good');
    await scene.watch();
    scene.requests('orders', 200);
    scene.requests('stock', 200, 200);
    scene.requests(NOWHERE, 50, 50);
    await scene.pass(FOR_MS + 500);
    expect(scene.canaries.verdicts()).toMatchObject([{ kind: 'passed', requests: 200 }]);
  });

  it('has no part in a change of what it does not call', async () => {
    const scene = new Scene();
    scene.stage('service/payments', 'good');
    await scene.watch();
    expect(scene.layers.log).toEqual([]);
    expect(scene.canaries.verdicts()).toEqual([]);
  });

  it('says nothing for a candidate without requests', async () => {
    const scene = new Scene();
    scene.stage('mesh', 'good');
    await scene.watch();
    await scene.pass(FOR_MS + 500);
    expect(scene.canaries.verdicts()).toMatchObject([{ kind: 'running', requests: 0 }]);
  });

  it('leaves when the time is over and nobody promoted it', async () => {
    const scene = new Scene();
    scene.stage('mesh', 'good');
    await scene.watch();
    scene.requests('orders', 200);
    await scene.pass(FOR_MS + 30_500);
    expect(scene.layers.log).toEqual(['mesh good', 'mesh base']);
    expect(scene.canaries.verdicts()).toMatchObject([{ kind: 'passed' }]);
  });

  it('ignores what is no rollout, and says so', async () => {
    const scene = new Scene();
    scene.kv.put(rolloutKey('mesh'), '{"layer":"mesh"}');
    await scene.watch();
    expect(scene.layers.log).toEqual([]);
    expect(scene.canaries.problems).toEqual(['kv:remora/rollout/mesh: base is not what it must be']);
  });

  it('is asleep while nothing is staged', async () => {
    const scene = new Scene();
    await scene.watch();
    const before = scene.clock.armed;
    await scene.pass(60_000);
    expect(scene.clock.armed).toBe(before);
    expect(before).toBe(1);
  });
});
