import { type Admin, startAdmin } from './admin/admin.ts';
import type {
  AgentView,
  ClusterView,
  ConfigLayerView,
  ConfigView,
  IdentityView,
  ListenerView,
  ReadinessView,
  RoutesView,
  ShardsView,
  StandingView,
} from './admin/agent-view.ts';
import { ApplicationProbe } from './agent/application-probe.ts';
import { boundedClusterView } from './agent/capacity-view.ts';
import { followApplication, makeSources, openConsul } from './agent/discovery.ts';
import { Entry } from './agent/entry.ts';
import { followKv } from './agent/follow-kv.ts';
import { Inbound } from './agent/inbound.ts';
import { makeParts } from './agent/make-parts.ts';
import { openReporter } from './agent/open-reporter.ts';
import type { Parts } from './agent/parts.ts';
import { isServed, registrationOptions } from './agent/registration.ts';
import {
  judgeReload,
  lateProblems,
  lateWords,
  portProblems,
  registrationProblems,
  type Shown,
} from './agent/reload.ts';

import { type Reporter, SILENT } from './agent/reporter.ts';

import { routeSamples, routesView } from './agent/routes-view.ts';
import { agentSamples } from './agent/samples.ts';
import { selfAt } from './agent/self.ts';
import { shardsView } from './agent/shards.ts';
import { ShownConfig } from './agent/shown-config.ts';
import { type OutboundTraffic, outboundTraffic, type Port, type Stoppable, shutDown } from './agent/shutdown.ts';
import { UndeclaredServices } from './agent/undeclared-services.ts';
import type { Upstream } from './agent/upstream.ts';
import { Upstreams } from './agent/upstreams.ts';
import { listenerView, overloadView } from './agent/views.ts';
import type { Clock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { Random } from './base/random.ts';
import { sleep } from './base/sleep.ts';
import { Cell } from './base/watch.ts';
import type { Config } from './config/config.ts';
import type { FileWatch } from './config/file-watch.ts';
import type { LiveConfig } from './config/live-config.ts';
import { formatProblem, type Problem } from './config/problems.ts';
import type { Registered } from './discovery/consul-api.ts';
import { Registration } from './discovery/registration.ts';
import type { IsSelf } from './discovery/without-self.ts';
import { chooseSockets, type SocketChoice } from './net/choose-sockets.ts';
import { Output } from './net/output.ts';
import type { SocketHost } from './net/sockets.ts';
import { HostRouter, NOTHING_UNDECLARED } from './route/routers.ts';
import { mirrorSamples } from './telemetry/mirror-samples.ts';
import type { Sample } from './telemetry/registry.ts';
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

/** For what an impatient stop still does. */
const ABANDON_MS = 1_000;

/**
 * The running sidecar: every service of the program is made in `open`, in the order in which they need each other, and
 * ended in `stop`, in the order of `shutDown`. What follows is what operators see of it.
 */
export class Agent implements AgentView, Stoppable {
  private readonly startedAt: number;
  /** Settings at the start; those that are taken once hold to the end. */
  private readonly initial: Config;
  /** Settings at work. */
  private readonly running: Cell<Config>;
  private readonly shown: ShownConfig;
  /** Known when inbound is open. */
  private readonly self: Cell<IsSelf>;
  /** Why the newest settings are not, as far as only a restart would help. */
  private waiting: readonly Problem[] = [];
  private readonly ends = new AbortController();
  private parts!: Parts;
  private upstreams!: Upstreams;
  private undeclared: UndeclaredServices | null = null;
  private shared: Entry | null = null;
  private local: Inbound | null = null;
  private registration: Registration | null = null;
  private reporter: Reporter = SILENT;
  private probe: ApplicationProbe | null = null;
  private admin: Admin | null = null;
  private wasReady = false;
  private stopping: Promise<void> | null = null;
  private readonly end = Promise.withResolvers<void>();

  private constructor(private readonly given: AgentGiven) {
    this.startedAt = given.clock.now();
    this.initial = given.settings.config.value!;
    this.running = new Cell(given.clock, this.initial);
    this.shown = new ShownConfig(this.initial, given.settings.explained());
    this.self = new Cell(given.clock);
  }

  /**
   * Rejects with what the operator must mend, a port in use mostly; whatever was opened is left to the end of the
   * process.
   */
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
    const consul = config.consul === null ? null : await openConsul(config.consul, clock);
    const sources = makeSources(this.running, consul, this.self, clock, random, log);
    const made = { sockets, host, consul, sources, self: this.self };
    const parts = makeParts(this.given, config, made, this.ends.signal);
    this.parts = parts;
    log.info('started', { version, service: config.service.name, transport: sockets.kind, pid: process.pid });

    if (config.outbound?.discover) this.undeclared = new UndeclaredServices(parts);
    const router = new HostRouter(this.undeclared ?? NOTHING_UNDECLARED);
    this.upstreams = new Upstreams(parts, router, log, () => this.noteReadiness());
    await this.upstreams.open(config);
    if (config.outbound !== null) {
      const { protocol, address, port } = config.outbound;
      this.shared = await Entry.open(
        parts,
        { name: 'outbound', direction: 'outbound', address, port },
        protocol,
        parts.overrides.before(router),
      );
      this.shared.announce(log);
    }
    const application = followApplication(config.service, clock, random, this.ends.signal);
    if (config.inbound !== null) {
      this.local = await Inbound.open(config.service, application, config.inbound, parts);
      this.local.entry.announce(log);
      this.self.set(selfAt(this.local.entry));
    }
    this.admin = await startAdmin(this, config.admin, clock, (error) =>
      log.error('admin_problem', { error: error as Error }),
    );
    for (const [name, bound] of Object.entries({ admin: this.admin.http, 'admin-grpc': this.admin.grpc })) {
      if (bound !== null) log.info('listening', { listener: name, ...bound });
    }
    telemetry.addCollector(() => this.samples());
    telemetry.addCollector(() => this.reporter.samples());

    if (consul !== null) {
      await followKv(this.given, consul, config, this.ends.signal);
      this.reporter = await openReporter(this.given, consul, config, () => this.everyUpstream());
      const options = registrationOptions(config.service, this.local?.entry ?? null);
      if (options !== null) {
        const probe = new ApplicationProbe(sockets, application, options.ttlMs / 3, clock, log);
        const isReady = (): boolean => this.readiness().isReady && probe.isUp;
        this.probe = probe;
        const surroundings = {
          isReady,
          isServed: (held: Registered) => isServed(held, config.service, sockets, clock),
        };
        this.registration = new Registration(consul, options, surroundings, clock, random, log);
        probe.start();
        this.registration.start();
      }
    }
    settings.config.subscribe((next) => this.apply(next));
    this.reporter.start();
    this.noteReadiness();
  }

  /** Whatever goes wrong with one change must not reach who told of it, or keep out the next. */
  private apply(next: Config): void {
    try {
      if (this.stopping === null) this.take(next);
    } catch (error) {
      this.parts.observer.onBug(error);
    }
  }

  private take(next: Config): void {
    const { settings, log, telemetry } = this.given;
    const source = settings.fileState().name;
    const words = settings.explained();
    const show = (one: Config): Shown => (one === this.initial ? this.shown.initial : words.shown);
    const { config, late, unserved } = judgeReload(this.initial, next, source, show);
    this.waiting = [...lateProblems(late, source), ...unserved];
    if (late.length > 0) log.warn('config_needs_restart', { settings: late.map(lateWords).join('; ') });
    const [first] = unserved;
    if (first !== undefined) return log.error('config_not_taken', { first: formatProblem(first) });

    this.shown.note(next, words);
    this.running.set(config);
    this.parts.sampling.ratio = config.telemetry.sampleRatio;
    this.parts.guard.reconfigure(config.overload);
    telemetry.configure(config.telemetry).catch((error: unknown) => this.parts.observer.onBug(error));
    void this.upstreams.apply(config).then(() => this.noteReadiness());
    this.reporter.onChange();
  }

  // --- Stopping ---

  /** Resolves when the program has been stopped by whoever asked for it, an operator over admin among them. */
  get stopped(): Promise<void> {
    return this.end.promise;
  }

  /** Resolves when nothing is left to do but to exit. Doing it twice is doing it once. */
  stop(): Promise<void> {
    const { clock, log } = this.given;
    this.upstreams.freeze();
    this.stopping ??= shutDown(this, this.initial.shutdown, clock, log).finally(this.end.resolve);
    return this.stopping;
  }

  async leave(): Promise<void> {
    if (this.registration === null) return;
    const { log } = this.given;
    const withinMs = this.initial.shutdown.timeoutMs / 4;
    if (await this.registration.drain('remora is stopping', withinMs)) log.info('maintenance_set');
    else log.warn('maintenance_not_set', { problem: this.registration.problem });
  }

  get inbound(): Port | null {
    return this.local === null ? null : this.local.entry;
  }

  outbound(): readonly Port[] {
    return [...this.outboundEntries(), ...this.parts.leaving.all];
  }

  outboundTraffic(): OutboundTraffic {
    const upstreams = this.everyUpstream().map(({ traffic }) => traffic);
    return outboundTraffic(upstreams, [...this.outboundEntries(), ...this.parts.leaving.all]);
  }

  async finish(remainingMs: number): Promise<void> {
    const { telemetry, file, settings } = this.given;
    this.probe?.stop();
    const lostWrites = this.parts.shadows.expire();
    this.parts.mirrored.expire();
    if (lostWrites > 0) this.given.log.warn('shutdown_loses_second_writes', { writes: lostWrites });
    const flushed = telemetry.flush(Math.min(remainingMs, 5_000));
    await Promise.all([this.deregister(remainingMs), this.reporter.close(remainingMs), flushed]);
    this.ends.abort();
    file.close();
    await settings.close();
    this.undeclared?.close();
    this.upstreams.close();
    await this.admin?.close();
  }

  /**
   * There is no time to stop in order: only the service is taken out of Consul, where it would stand as critical for
   * half an hour and be called when all others are critical, too. Resolves within a second, whatever Consul does.
   */
  async abandon(): Promise<void> {
    const { clock, log } = this.given;
    log.warn('shutdown_abandoned');
    const never = new AbortController().signal;
    const told = Promise.all([this.deregister(ABANDON_MS), this.reporter.close(ABANDON_MS)]);
    await Promise.race([told, sleep(clock, ABANDON_MS, never)]);
  }

  private async deregister(withinMs: number): Promise<void> {
    if (this.registration === null) return;
    const { log } = this.given;
    if (await this.registration.deregister(withinMs)) log.info('deregistered');
    else log.warn('not_deregistered', { problem: this.registration.problem });
  }

  // --- For operators ---

  identity(): IdentityView {
    const { id, name } = this.initial.service;
    const { version, clock } = this.given;
    return { version, service: { name, id }, uptimeMs: clock.now() - this.startedAt };
  }

  /** Once ready stays ready (`noteReadiness`): an upstream that is added later waits for its first snapshot alone. */
  readiness(): ReadinessView {
    const waitingFor = this.upstreams.all
      .filter(({ cluster }) => !cluster.hasSnapshot)
      .map(({ cluster }) => `first snapshot of ${cluster.name}`);
    if (this.admin === null) waitingFor.unshift('listeners');
    const isDraining = this.stopping !== null;
    return { isReady: this.wasReady && !isDraining, isDraining, waitingFor };
  }

  standing(): StandingView {
    const { registration, probe } = this;
    return {
      registration: registration === null ? null : { problem: registration.problem },
      application: probe === null ? null : { problem: probe.problem },
      overload: overloadView(this.parts.guard),
    };
  }

  listeners(): readonly ListenerView[] {
    const inbound = this.local === null ? [] : [this.local.entry];
    return [...inbound, ...this.outboundEntries()].map(listenerView);
  }

  clusters(): readonly ClusterView[] {
    const now = this.given.clock.now();
    const outward = this.everyUpstream().map((upstream) => boundedClusterView(upstream, false, now));
    return this.local === null ? outward : [...outward, boundedClusterView(this.local, true, now)];
  }

  shards(): readonly ShardsView[] {
    return this.upstreams.all.flatMap(shardsView);
  }

  routes(): RoutesView {
    return routesView(this.upstreams.tables);
  }

  config(): ConfigView {
    const declared = this.upstreams.all.map((upstream) => upstream.declared);
    const { origins } = this.given.settings.explained();
    return {
      effective: this.shown.effective(declared),
      origins,
      layers: [...this.layers(), ...this.registrationLayer(), ...this.reporter.layers()],
    };
  }

  renderMetrics(): string {
    return this.given.telemetry.render();
  }

  drain(): void {
    void this.stop();
  }

  private layers(): readonly ConfigLayerView[] {
    const { settings } = this.given;
    const file = settings.fileState();
    const unopened = portProblems(this.upstreams.failures, this.upstreams.broken, file.name);
    return [
      file,
      ...settings.entryStates(),
      ...settings.kvStates(),
      { name: 'restart', revision: null, problems: this.waiting, unreachable: null },
      { name: 'listeners', revision: null, problems: unopened, unreachable: null },
    ];
  }

  /** No layer of the configuration, but what became of a part of it. */
  private registrationLayer(): readonly ConfigLayerView[] {
    if (this.registration === null) return [];
    const problems = registrationProblems(this.registration.problem, this.given.settings.fileState().name);
    return [{ name: 'registration', revision: null, problems, unreachable: null }];
  }

  /** As soon as it is so, and not when somebody asks: the next change of settings may come before that. */
  private noteReadiness(): void {
    this.wasReady ||= this.readiness().waitingFor.length === 0;
  }

  private everyUpstream(): readonly Upstream[] {
    return [...this.upstreams.all, ...(this.undeclared?.upstreams ?? [])];
  }

  private outboundEntries(): readonly Entry[] {
    const own = this.upstreams.all.flatMap(({ entries }) => entries);
    return this.shared === null ? own : [this.shared, ...own];
  }

  private *samples(): Generator<Sample> {
    const { guard, spent, overrides, mirrored } = this.parts;
    const { settings, clock } = this.given;
    yield* routeSamples(this.upstreams.tables, overrides);
    yield* mirrorSamples(mirrored);
    const layers = { states: this.layers(), counted: settings.counted() };
    yield* agentSamples(this.everyUpstream(), this.local, layers, guard, spent, clock.now());
  }
}
