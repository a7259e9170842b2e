import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Admin, startAdmin } from './admin/admin.ts';
import type {
  AgentView,
  ClusterView,
  ConfigView,
  IdentityView,
  ListenerView,
  ReadinessView,
} from './admin/agent-view.ts';
import { ApplicationProbe } from './agent/application-probe.ts';
import { makeSources } from './agent/discovery.ts';
import { Entry } from './agent/entry.ts';
import { Inbound } from './agent/inbound.ts';
import type { Parts } from './agent/parts.ts';
import { registrationOptions } from './agent/registration.ts';
import { type Port, type Stoppable, shutDown } from './agent/shutdown.ts';
import { UndeclaredServices } from './agent/undeclared-services.ts';
import type { Upstream } from './agent/upstream.ts';
import { Upstreams } from './agent/upstreams.ts';
import { clusterView, listenerView, poolSamples } from './agent/views.ts';
import type { Clock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { Random } from './base/random.ts';
import type { Config } from './config/config.ts';
import { redacted } from './config/effective.ts';
import type { FileWatch } from './config/file-watch.ts';
import { callerKey } from './config/kv-layer.ts';
import type { LayerState, LiveConfig } from './config/live-config.ts';
import { ConsulClient } from './discovery/consul-client.ts';
import { ConsulKv } from './discovery/consul-kv.ts';
import { Registration } from './discovery/registration.ts';
import { chooseSockets, type SocketChoice } from './net/choose-sockets.ts';
import { Output } from './net/output.ts';
import type { SocketHost } from './net/sockets.ts';
import { HostRouter, NOTHING_UNDECLARED } from './route/routers.ts';
import { clusterSamples, discoverySamples } from './telemetry/cluster-samples.ts';
import { type Sample, sample } from './telemetry/registry.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

/** What the program was started with. */
export interface AgentGiven {
  readonly version: string;
  readonly file: FileWatch;
  readonly settings: LiveConfig;
  readonly transport: SocketChoice;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** Settings that are taken once, when the program starts. */
const FIXED = ['service', 'inbound', 'outbound', 'consul', 'admin', 'http', 'shutdown', 'stateDir'] as const;

/**
 * The running sidecar: every service of the program is made in `open`, in the order in which they need each other, and
 * ended in `stop`, in the order of `shutDown`. What follows is what operators see of it.
 */
export class Agent implements AgentView, Stoppable {
  private readonly startedAt: number;
  /** Settings at the start; those of `FIXED` hold to the end. */
  private readonly initial: Config;
  private readonly ends = new AbortController();
  private parts!: Parts;
  private upstreams!: Upstreams;
  private undeclared: UndeclaredServices | null = null;
  private shared: Entry | null = null;
  private local: Inbound | null = null;
  private registration: Registration | null = null;
  private application: ApplicationProbe | null = null;
  private admin: Admin | null = null;
  private wasReady = false;
  private stopping: Promise<void> | null = null;
  private readonly end = Promise.withResolvers<void>();

  private constructor(private readonly given: AgentGiven) {
    this.startedAt = given.clock.now();
    this.initial = given.settings.config.value!;
  }

  /** Rejects with what the operator must mend, a port in use mostly; whatever was opened is left to the end of the process. */
  static async start(given: AgentGiven): Promise<Agent> {
    const agent = new Agent(given);
    await agent.open();
    return agent;
  }

  private async open(): Promise<void> {
    const { initial: config } = this;
    const { clock, random, log, telemetry, settings, version, transport } = this.given;
    const { observer } = telemetry;
    await telemetry.configure(config.telemetry);

    const host: SocketHost = { output: new Output(), onBug: (error) => observer.onBug(error) };
    const sockets = await chooseSockets(transport, host, clock);
    const consul = config.consul === null ? null : new ConsulClient(config.consul, clock);
    const sources = makeSources(settings.config, consul, clock, random, log);
    const context = { clock, random, instanceId: randomBytes(8).toString('hex'), observer };
    const breakers = {
      onBreakerChange: ({ id }: { readonly id: string }, from: string, to: string) =>
        log.info('breaker_changed', { endpoint: id, from, to }),
    };
    const sampling = { ratio: config.telemetry.sampleRatio };
    const parts = {
      clock,
      random,
      log,
      sockets,
      host,
      limits: config.http,
      observer,
      breakers,
      context,
      sources,
      sampling,
    };
    this.parts = parts;
    log.info('started', { version, service: config.service.name, transport: sockets.kind, pid: process.pid });

    if (config.outbound?.discover) this.undeclared = new UndeclaredServices(parts);
    const router = new HostRouter(this.undeclared ?? NOTHING_UNDECLARED);
    this.upstreams = new Upstreams(parts, router, log);
    await this.upstreams.open(config);
    if (config.outbound !== null) {
      this.shared = await Entry.open(parts, { ...config.outbound, name: 'outbound' }, 'http', router);
      this.shared.announce(log);
    }
    if (config.inbound !== null) {
      this.local = await Inbound.open(config.service, config.inbound, parts);
      this.local.entry.announce(log);
    }
    this.admin = await startAdmin(this, config.admin, clock, (error) =>
      log.error('admin_problem', { error: error as Error }),
    );
    for (const [name, bound] of Object.entries({ admin: this.admin.http, 'admin-grpc': this.admin.grpc })) {
      if (bound !== null) log.info('listening', { listener: name, ...bound });
    }
    telemetry.addCollector(() => this.samples());

    if (consul !== null) {
      settings.follow(new ConsulKv(consul, clock, random), callerKey(config.service.name), this.ends.signal);
      const options = registrationOptions(config.service, this.local?.entry ?? null);
      if (options !== null) {
        const application = new ApplicationProbe(sockets, config.service, options.ttlMs / 3, clock, log);
        const isReady = (): boolean => this.readiness().isReady && application.isUp;
        this.application = application;
        this.registration = new Registration(consul, options, isReady, clock, random, log);
        application.start();
        this.registration.start();
      }
    }
    settings.config.subscribe((next) => this.apply(next));
  }

  private apply(next: Config): void {
    const { log, telemetry } = this.given;
    const late = FIXED.filter((key) => !isDeepStrictEqual(this.initial[key], next[key]));
    if (late.length > 0) log.warn('config_needs_restart', { settings: late.join(', ') });
    this.parts.sampling.ratio = next.telemetry.sampleRatio;
    void telemetry.configure(next.telemetry);
    void this.upstreams.apply(next);
  }

  // --- Stopping ---

  /** Resolves when the program has been stopped by whoever asked for it, an operator over admin among them. */
  get stopped(): Promise<void> {
    return this.end.promise;
  }

  /** Resolves when nothing is left to do but to exit. Doing it twice is doing it once. */
  stop(): Promise<void> {
    const { clock, log } = this.given;
    this.stopping ??= shutDown(this, this.initial.shutdown, clock, log).finally(this.end.resolve);
    return this.stopping;
  }

  async leave(): Promise<void> {
    if (this.registration === null) return;
    const { log } = this.given;
    if (await this.registration.drain('remora is stopping')) log.info('maintenance_set');
    else log.warn('maintenance_not_set', { problem: this.registration.problem });
  }

  get inbound(): Port | null {
    return this.local === null ? null : this.local.entry;
  }

  outbound(): readonly Port[] {
    return this.outboundEntries();
  }

  outboundTraffic(): { readonly admissions: number; readonly inFlight: number } {
    let admissions = 0;
    let inFlight = 0;
    for (const { plan } of this.everyUpstream()) {
      admissions += plan.admission.admissions;
      inFlight += plan.admission.inFlight;
    }
    return { admissions, inFlight };
  }

  async finish(remainingMs: number): Promise<void> {
    const { telemetry, log, file, settings } = this.given;
    this.application?.stop();
    if (this.registration !== null) {
      if (await this.registration.deregister()) log.info('deregistered');
      else log.warn('not_deregistered', { problem: this.registration.problem });
    }
    await telemetry.flush(Math.min(remainingMs, 5_000));
    this.ends.abort();
    file.close();
    settings.close();
    this.undeclared?.close();
    this.upstreams.close();
    await this.admin?.close();
  }

  // --- For operators ---

  identity(): IdentityView {
    const { id, name } = this.initial.service;
    const { version, clock } = this.given;
    return { version, service: { name, id }, uptimeMs: clock.now() - this.startedAt };
  }

  /** Once ready stays ready: an upstream that is added later waits for its first snapshot alone. */
  readiness(): ReadinessView {
    const waitingFor = this.upstreams.all
      .filter(({ cluster }) => !cluster.hasSnapshot)
      .map(({ cluster }) => `first snapshot of ${cluster.name}`);
    if (this.admin === null) waitingFor.unshift('listeners');
    this.wasReady ||= waitingFor.length === 0;
    const isDraining = this.stopping !== null;
    return { isReady: this.wasReady && !isDraining, isDraining, waitingFor };
  }

  listeners(): readonly ListenerView[] {
    const inbound = this.local === null ? [] : [this.local.entry];
    return [...inbound, ...this.outboundEntries()].map(listenerView);
  }

  clusters(): readonly ClusterView[] {
    const now = this.given.clock.now();
    const outward = this.everyUpstream().map(({ cluster, discovery }) => clusterView(cluster, discovery, now));
    return this.local === null ? outward : [...outward, clusterView(this.local.cluster, null, now)];
  }

  config(): ConfigView {
    return { effective: redacted(this.given.settings.config.value!), layers: this.layers() };
  }

  renderMetrics(): string {
    return this.given.telemetry.render();
  }

  drain(): void {
    void this.stop();
  }

  private layers(): readonly LayerState[] {
    const { file, settings } = this.given;
    const kv = settings.kvState();
    return kv === null ? [file.state()] : [file.state(), kv];
  }

  private everyUpstream(): readonly Upstream[] {
    return [...this.upstreams.all, ...(this.undeclared?.upstreams ?? [])];
  }

  private outboundEntries(): readonly Entry[] {
    const own = this.upstreams.all.flatMap(({ entry }) => (entry === null ? [] : [entry]));
    return this.shared === null ? own : [this.shared, ...own];
  }

  private *samples(): Generator<Sample> {
    const now = this.given.clock.now();
    for (const { cluster, discovery } of this.everyUpstream()) {
      yield* clusterSamples(cluster);
      yield* poolSamples(cluster);
      yield* discoverySamples(cluster.name, discovery, now);
    }
    for (const { name, revision, problems } of this.layers()) {
      if (revision !== null) yield sample('remora_config_info', [name, revision], 1);
      yield sample('remora_config_last_reload_successful', [name], problems.length === 0 ? 1 : 0);
    }
  }
}
