import { isDeepStrictEqual } from 'node:util';
import type { Watch } from '../base/watch.ts';
import type { ClusterChecks } from '../cluster/checks/cluster-checks.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterSnapshot } from '../cluster/snapshot.ts';
import type { UpstreamConfig } from '../config/config.ts';
import { Closed } from '../net/close-reasons.ts';
import type { ConnectionLimit } from '../net/connection-limit.ts';
import { FixedRouter } from '../route/routers.ts';
import type { Leads } from '../route/routing/lead.ts';
import { NO_ROUTES } from '../route/table/table.ts';
import { Entry } from './entry.ts';
import { FollowedCluster } from './followed-cluster.ts';
import type { Parts } from './parts.ts';
import { type LivePlan, makePlan } from './plans.ts';
import { portProtocolOf, upstreamLabel } from './protocols.ts';
import { type Question, questionsOf } from './question.ts';
import { RolePorts } from './role-ports.ts';

export interface UpstreamOwner {
  /** It has a new plan that nobody asked for. */
  onSwitch(): void;
  /** Its endpoints are known, for the first time or anew. */
  onEndpoints(): void;
}

/** For upstreams that are asked anew each time. */
export const NO_OWNER: UpstreamOwner = { onSwitch: () => undefined, onEndpoints: () => undefined };

/**
 * One upstream at work: its discovery, its cluster, its plan, and its own port when it has one.
 *
 * A change of configuration replaces as little as it can: a plan over the same cluster, which takes its own options as
 * they come. Only another question to discovery makes another cluster, and the old one serves until the first answer to
 * it, for ever if there is none: what worked before the change is worth more than what may work after it. Exchanges
 * that run end under the plan they began with.
 */
export class Upstream {
  plan: LivePlan;
  /** Its own port; null when it has none, or when that could not be opened. */
  entry: Entry | null = null;
  private router: FixedRouter | null = null;
  /** Of what is called by its name or its own port. */
  leads: Leads = NO_ROUTES;
  private readonly rolePorts: RolePorts;
  private live: FollowedCluster;
  /** Asks the question in force, and is waited for; null when `live` asks it. */
  private next: FollowedCluster | null = null;
  private isClosed = false;
  /** Its connections that have ended, whichever cluster they were of. */
  readonly closed = new Closed();

  constructor(
    private config: UpstreamConfig,
    private readonly parts: Parts,
    private readonly owner: UpstreamOwner,
  ) {
    this.rolePorts = new RolePorts(parts);
    this.live = new FollowedCluster(config, this.questionsOf(config), parts, 'cold', this.closed);
    this.plan = this.makePlan(null);
    this.begin(this.live);
  }

  get cluster(): Cluster {
    return this.live.cluster;
  }

  /** To the endpoints that are used. */
  get connections(): ConnectionLimit {
    return this.live.connections;
  }

  /** What discovery last said of the endpoints that are used, and when. */
  get discovery(): Watch<ClusterSnapshot> {
    const { next } = this;
    const { watch } = this.live;
    if (next === null) return watch;
    const why = next.watch.problem === null ? '' : `: ${next.watch.problem}`;
    const problem = `serves as before the last change until discovery answers to it${why}`;
    return { value: watch.value, freshAt: watch.freshAt, problem, subscribe: (listener) => watch.subscribe(listener) };
  }

  /** Its health checks; null where there are none. */
  get checks(): ClusterChecks | null {
    return this.live.checked.checks;
  }

  get protocol(): UpstreamConfig['protocol'] {
    return this.config.protocol;
  }

  /** What is asked for each level of endpoints. */
  get levelNames(): readonly string[] {
    return this.live.levelNames;
  }

  get declared(): UpstreamConfig {
    return this.config;
  }

  /** Are the ports that it was told to have open? */
  get isListening(): boolean {
    return (this.config.listen === null || this.entry !== null) && this.rolePorts.isInPlace(this.config);
  }

  /** Its requests since the start, and those under way, who wait included. */
  get traffic(): { readonly admissions: number; readonly inFlight: number } {
    const { admission, line, roles } = this.plan;
    const waiting = line.size + (roles === null ? 0 : roles.hold.size);
    return { admissions: admission.admissions, inFlight: admission.inFlight + waiting };
  }

  /** All its ports. */
  get entries(): readonly Entry[] {
    return this.entry === null ? this.rolePorts.entries : [this.entry, ...this.rolePorts.entries];
  }

  /** Opens its ports. Rejects with a `ListenError`, and then nothing has changed. */
  async listen(config: UpstreamConfig = this.config): Promise<void> {
    const ofRoles = await this.rolePorts.prepare(config, this.plan);
    try {
      if (!this.hasOwnPort(config)) await this.openOwn(config);
    } catch (error) {
      this.rolePorts.discard(ofRoles);
      throw error;
    }
    if (this.isClosed) return this.rolePorts.discard(ofRoles);
    this.rolePorts.take(ofRoles);
    this.rolePorts.replace(this.plan);
  }

  private hasOwnPort({ listen, protocol }: UpstreamConfig): boolean {
    if (listen === null || this.entry?.protocol !== portProtocolOf(protocol)) return false;
    return isDeepStrictEqual(listen, this.config.listen);
  }

  private async openOwn(config: UpstreamConfig): Promise<void> {
    const { parts } = this;
    if (config.listen === null) return this.closeOwn();
    const router = new FixedRouter(this.plan, this.leads);
    const options = { name: config.name, direction: 'outbound', ...config.listen } as const;
    const entry = await Entry.open(parts, options, portProtocolOf(config.protocol), parts.overrides.before(router));
    if (this.isClosed) return parts.leaving.take(entry);
    this.closeOwn();
    this.entry = entry;
    this.router = router;
    router.replace(this.plan);
    router.lead(this.leads);
    entry.announce(parts.log);
  }

  /**
   * Takes a configuration with another port or protocol. Rejects with a `ListenError`, and then nothing has changed.
   */
  async move(config: UpstreamConfig): Promise<void> {
    await this.listen(config);
    if (!this.isClosed) this.reconfigure(config);
  }

  /** Accepts no more on any of them; connections that are open end in their time. */
  closePort(): void {
    this.closeOwn();
    this.rolePorts.close();
  }

  private closeOwn(): void {
    if (this.entry !== null) this.parts.leaving.take(this.entry);
    this.entry = null;
    this.router = null;
  }

  /** Takes a new configuration with the same port and protocol. */
  reconfigure(config: UpstreamConfig): void {
    const questions = this.questionsOf(config);
    this.config = config;
    this.live.reconfigure(config);
    this.replacePlan();
    this.ask(config, questions);
  }

  /** Takes other routes. */
  lead(leads: Leads): void {
    this.leads = leads;
    this.router?.lead(leads);
  }

  /** No new connections; exchanges that run end with the endpoints that are known. */
  close(): void {
    this.isClosed = true;
    this.closePort();
    this.next?.end(null);
    this.live.end(null);
    this.wakeAll();
  }

  private questionsOf(config: UpstreamConfig): readonly Question[] {
    return questionsOf(config, this.parts.sources, this.parts.subsets.of(config).length > 0);
  }

  private ask(config: UpstreamConfig, questions: readonly Question[]): void {
    if (this.next?.asks(config, questions)) return this.next.reconfigure(config);
    this.next?.end(null);
    const start = this.live.cluster.size > 0 ? 'warm' : 'cold';
    const isAsked = this.live.asks(config, questions);
    this.next = isAsked ? null : new FollowedCluster(config, questions, this.parts, start, this.closed);
    if (this.next !== null) this.begin(this.next);
  }

  private begin(followed: FollowedCluster): void {
    followed.begin(() => {
      // What works is worth more than an answer that may be a slip in the question, or a token that may not ask it.
      const isBetter = followed.cluster.size > 0 || this.live.cluster.size === 0;
      if (followed === this.next && isBetter) this.switchTo(followed);
      if (followed === this.live) this.onApplied();
    });
  }

  private onApplied(): void {
    this.wakeAll();
    this.owner.onEndpoints();
  }

  private wakeAll(): void {
    const { parking, roles } = this.plan;
    const now = this.parts.clock.now();
    parking.wakeAll(now);
    roles?.hold.wakeAll(now);
  }

  private switchTo(next: FollowedCluster): void {
    const before = this.live;
    this.live = next;
    this.next = null;
    this.replacePlan();
    before.end(next);
    this.owner.onSwitch();
  }

  private replacePlan(): void {
    this.plan = this.makePlan(this.plan);
    this.router?.replace(this.plan);
    this.rolePorts.replace(this.plan);
    const now = this.parts.clock.now();
    this.plan.parking.wakeHeld(now);
    this.plan.roles?.hold.wakeAll(now);
  }

  private makePlan(before: LivePlan | null): LivePlan {
    const { name, protocol, limits, adaptive, criticality, retry, timeouts, hedge, hash, roles, shards } = this.config;
    const { rateLimits, throttle, fallback, faults } = this.config;
    const labels = { direction: 'outbound', upstream: name, protocol: upstreamLabel(protocol) } as const;
    // The application beside us is trusted: it is the one this sidecar works for.
    const trust = { trustsPeer: true, returnsUnseen: false };
    const asked = this.live.hasRoles ? roles : null;
    const rules = { limits, adaptive, criticality, retry, timeouts, hedge, doors: { rateLimits, throttle } };
    const { subsets } = this.live;
    const options = { labels, ...rules, hash, roles: asked, shards, subsets, fallback, faults, ...trust };
    const plan = makePlan(this.parts, this.cluster, options, before);
    this.connections.onRoom = () => plan.line.roomMade();
    return plan;
  }
}
