import { hostname } from 'node:os';
import type { ConfigLayerView } from '../admin/agent-view.ts';
import { type Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ServiceConfig } from '../config/config.ts';
import { objectionKey, statusKey } from '../config/kv-keys.ts';
import { formatProblem } from '../config/problems.ts';
import { rolloutTree } from '../config/rollout-tree.ts';
import type { LayerStatus, SidecarStatus } from '../config/sidecar-status.ts';
import type { StagedLayers } from '../config/staged-layers.ts';
import { encodeStatus } from '../config/status-text.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';
import { HeldKey } from '../discovery/held-key.ts';
import { KvTree } from '../discovery/kv-tree.ts';
import { type Sample, sample } from '../telemetry/registry.ts';
import type { TrafficTally } from '../telemetry/traffic-tally.ts';
import { Canaries } from './canaries.ts';
import { candidatesOfFormerRun } from './former-run.ts';
import { Objections } from './objections.ts';
import type { Reporter } from './reporter.ts';
import { TrafficHistory } from './traffic-history.ts';

/** What is called, for the status. */
export interface Called {
  readonly name: string;
  readonly service: string;
  /** Of a balancer that hashes; null of others. */
  readonly ring: string | null;
}

export interface ReportingGiven {
  readonly version: string;
  readonly service: Pick<ServiceConfig, 'name' | 'id'>;
  readonly api: ConsulApi;
  readonly layers: StagedLayers;
  readonly traffic: Pick<TrafficTally, 'read'>;
  called(): Iterable<Called>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What changes without anybody saying so (rings, mostly) is looked at this often. */
const LOOK_MS = 1_000;

/**
 * Tells the mesh what this sidecar runs, and takes part in what the mesh tries: its status and its part in canaries.
 * Nothing here is a reason for a request to fail, or for the sidecar not to start or stop.
 */
export class Reporting implements Reporter {
  private readonly canaries: Canaries;
  private readonly objections: Objections;
  private readonly status: HeldKey;
  private readonly history: TrafficHistory;
  private readonly ends = new AbortController();
  private readonly instance: string;
  private readonly startedAtMs: number;
  private readonly timer = new Timer({ onTimer: () => this.look() });
  private layersText = '';
  private sinceMs: number;

  constructor(private readonly given: ReportingGiven) {
    const { api, service, layers, traffic, clock, random, log } = given;
    this.instance = instanceOf(service);
    this.startedAtMs = clock.wallMs();
    this.sinceMs = this.startedAtMs;
    const key = objectionKey(service.name, this.instance);
    this.history = new TrafficHistory(traffic, clock);
    this.objections = new Objections(api, key, clock, random, log, this.ends.signal);
    const self = { service: service.name, instance: this.instance, calls: () => this.calls() };
    this.canaries = new Canaries(self, layers, this.history, this.objections, clock, log);
    this.status = new HeldKey(api, statusKey(service.name, this.instance), clock, random, log);
  }

  start(): void {
    const { api, service, clock, random } = this.given;
    const { signal } = this.ends;
    this.history.start(signal);
    const key = statusKey(service.name, this.instance);
    void candidatesOfFormerRun(api, key, this.startedAtMs, clock, signal).then((seeds) => {
      if (signal.aborted) return;
      this.canaries.recall(seeds);
      this.canaries.follow(new KvTree(api, clock, random).follow(rolloutTree(service.name), signal), signal);
    });
    this.look();
  }

  /** The layers have changed. */
  onChange(): void {
    this.canaries.look();
    this.look();
  }

  /** Why the mesh may not know what this sidecar runs, or what it has against a candidate. */
  layers(): readonly ConfigLayerView[] {
    const said = [this.status.problem, this.objections.problem, ...this.canaries.problems];
    const problems = said.flatMap((found) => {
      if (found === null) return [];
      const place = { source: 'consul', line: null, column: null, path: 'consul.status' };
      return [{ ...place, found, expected: 'a status in KV', hint: 'it is tried again' }];
    });
    return [{ name: 'status', revision: null, problems, unreachable: null }];
  }

  *samples(): Generator<Sample> {
    for (const { layer } of this.given.layers.standings()) {
      if (this.canaries.candidateOf(layer) !== null) yield sample('remora_rollout_candidate', [layer], 1);
    }
    yield sample('remora_rollout_objections_total', [], this.objections.total);
    yield sample('remora_status_written', [], this.status.problem === null ? 1 : 0);
  }

  /** Nothing is reported any more, and the status is gone from Consul, if that can be told. */
  async close(withinMs: number): Promise<void> {
    this.ends.abort();
    this.given.clock.disarm(this.timer);
    await this.status.release(withinMs);
  }

  private look(): void {
    if (this.ends.signal.aborted) return;
    this.status.put(encodeStatus(this.statusNow()));
    this.given.clock.arm(this.timer, this.given.clock.now() + LOOK_MS);
  }

  private statusNow(): SidecarStatus {
    const { version, service, clock } = this.given;
    const layers = this.layersNow();
    const text = JSON.stringify(layers);
    if (text !== this.layersText) this.sinceMs = clock.wallMs();
    this.layersText = text;
    const called = [...this.given.called()];
    const rings = called.flatMap(({ name, ring }) => (ring === null ? [] : [[name, ring] as const]));
    return {
      service: service.name,
      instance: this.instance,
      version,
      startedAtMs: this.startedAtMs,
      sinceMs: this.sinceMs,
      layers,
      calls: [...new Set(called.map((one) => one.service))].sort(),
      verdicts: this.canaries.verdicts(),
      rings: Object.fromEntries(rings.sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }

  private layersNow(): readonly LayerStatus[] {
    return this.given.layers.standings().map(({ layer, seen, used, problems }) => ({
      layer,
      applied: used?.revision ?? null,
      seen,
      candidate: this.canaries.candidateOf(layer),
      problems: problems.map(formatProblem),
    }));
  }

  private calls(): ReadonlyMap<string, ReadonlySet<string>> {
    const calls = new Map<string, Set<string>>();
    for (const { name, service } of this.given.called()) {
      const known = calls.get(service);
      if (known === undefined) calls.set(service, new Set([name]));
      else known.add(name);
    }
    return calls;
  }
}

/**
 * An id is unique on one Consul agent. One that is only the service's name, as it is unless somebody set it, is that of
 * every machine, so the machine is named with it.
 */
export function instanceOf({ name, id }: Pick<ServiceConfig, 'name' | 'id'>, host: string = hostname()): string {
  return id === name ? `${id}@${host}` : id;
}
