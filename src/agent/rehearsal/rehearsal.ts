import type { FailureCode } from '../../base/failure.ts';
import { NO_LOG } from '../../base/log.ts';
import type { EndpointSpec } from '../../cluster/snapshot.ts';
import type { Config, UpstreamConfig } from '../../config/config.ts';
import type { AskedRequest, Assumptions } from '../../config/policy-tests/schema.ts';
import type { Peer } from '../../http/conduit.ts';
import type { Fields } from '../../http/fields.ts';
import type { RequestHead } from '../../http/head.ts';
import type { TimeoutOptions } from '../../policy/options.ts';
import { type ExchangeRecord, IGNORED_PLAN, type PlanObserver, type ProxyObserver } from '../../proxy/observer.ts';
import { Placed } from '../../proxy/placement.ts';
import { Dispatcher } from '../../proxy/places/dispatcher.ts';
import type { Plan, Router } from '../../proxy/plan.ts';
import { parseHost } from '../../route/host.ts';
import { FixedRouter, HostRouter, NOTHING_UNDECLARED } from '../../route/routers.ts';
import type { RouteMatch } from '../../route/table/options.ts';
import { NO_UPSTREAM } from '../local-plan.ts';
import { UndeclaredServices } from '../undeclared-services.ts';
import { Upstreams } from '../upstreams.ts';
import { AskedHead } from './asked-head.ts';
import { AssumedSource } from './assumed-source.ts';
import { AssumedConnector, type FarEnd, type Sent } from './far-end.ts';
import { NearEnd } from './near-end.ts';
import { type Rehearsed, rehearsedParts } from './rehearsed-parts.ts';
import { SteppingClock } from './stepping-clock.ts';

/** So many draws show everybody whom a request may go to but those of very small weight. */
const DRAWS = 2_000;
/** Waits of a request that end later than this do not end here. */
const MAX_STEPS = 60_000;
const CLIENT_PORT = 40_000;

/** What became of a request that nobody sent. */
export interface Decision {
  /** Null: no route leads it. */
  readonly route: string | null;
  /** Of a route, which of its matches; null: it matches every request, or there is no route. */
  readonly match: RouteMatch | null;
  /** Null: it has none, or a route of the shared port answers it. */
  readonly upstream: string | null;
  readonly subset: string | null;
  readonly shard: string | null;
  /** Whoever may be asked first, by the ids of the test, in the order of the alphabet. */
  readonly endpoints: readonly string[];
  readonly attempts: readonly string[];
  readonly maxAttempts: number | null;
  readonly timeouts: TimeoutOptions | null;
  /** 0: it waits, and nothing comes. */
  readonly status: number;
  readonly refusal: FailureCode | null;
  readonly fields: Fields;
  /** The first attempt as the endpoint would have got it. */
  readonly sent: Sent | null;
}

/**
 * The data path of a sidecar without its sockets: the routers, tables, plans, clusters, placements and exchanges that a
 * running one has, made of the same configuration by the same code, between a client that writes down what it is told
 * and endpoints that answer what a test assumes. Time moves only while a request waits.
 *
 * Health is what is assumed, so nobody is checked; ports are numbers.
 */
export class Rehearsal implements FarEnd {
  private readonly clock: SteppingClock;
  private readonly source: AssumedSource;
  private readonly parts: ReturnType<typeof rehearsedParts>;
  private readonly shared: HostRouter;
  private readonly upstreams: Upstreams;
  private readonly tasks: (() => void)[] = [];
  private readonly bugs: unknown[] = [];
  private sent: Sent[] = [];
  private attempts: readonly string[] = [];
  private shard: string | null = null;

  private readonly config: Config;

  private constructor(rehearsed: Rehearsed, assumed: Assumptions, wallMs: number) {
    const { config } = rehearsed;
    this.config = config;
    this.clock = new SteppingClock(wallMs);
    this.source = new AssumedSource(assumed, this.clock);
    const isAssumed = (service: string): boolean => Object.hasOwn(assumed, service);
    const connectors = (spec: EndpointSpec): AssumedConnector => new AssumedConnector(spec, this);
    this.parts = rehearsedParts(rehearsed, this.clock, this.source, isAssumed, this.observer(), connectors);
    const undeclared = config.outbound?.discover === true ? new UndeclaredServices(this.parts) : NOTHING_UNDECLARED;
    this.shared = new HostRouter(undeclared);
    this.upstreams = new Upstreams(this.parts, this.shared, NO_LOG, () => undefined);
  }

  static async open(rehearsed: Rehearsed, assumed: Assumptions, wallMs: number): Promise<Rehearsal> {
    const rehearsal = new Rehearsal(rehearsed, assumed, wallMs);
    await rehearsal.upstreams.open(withoutPorts(rehearsed.config));
    return rehearsal;
  }

  close(): void {
    this.upstreams.close();
  }

  /** Null: no port of the sidecar takes it. */
  ask(request: AskedRequest): Decision | null {
    const entry = this.entryOf(request);
    if (entry === null) return null;
    const head = new AskedHead(request);
    const peer = {
      address: request.from,
      port: CLIENT_PORT,
      listener: entry.upstream ?? 'outbound',
      scheme: 'http',
      identity: null,
    };
    const near = new NearEnd(peer);
    const seen = new SeenRouter(entry.router, (plan) => this.placeOf(plan, head, peer));
    this.sent = [];
    this.attempts = [];
    this.shard = null;
    const handler = new Dispatcher(this.parts.context, seen, near, this.parts.shadows);
    handler.onRequest(head);
    if (request.bytes > 0 && !near.isOver) handler.onRequestBody(Buffer.alloc(request.bytes));
    if (!near.isOver) handler.onRequestEnd(null);
    this.run(near);
    const isStuck = !near.isOver;
    if (isStuck) handler.onClientGone('client_gone');
    const [bug] = this.bugs;
    if (bug !== undefined) throw bug;
    return this.decisionOf(seen, near, head, entry.upstream, isStuck);
  }

  // --- From the far end ---

  later(task: () => void): void {
    this.tasks.push(task);
  }

  onSent(sent: Sent): void {
    this.sent.push(sent);
  }

  answerOf(spec: EndpointSpec): number | null {
    return this.source.answerOf(spec.id);
  }

  /** All that is on its way; where nothing is, time moves. */
  private run(near: NearEnd): void {
    for (let steps = 0; !near.isOver && steps < MAX_STEPS; steps++) {
      if (this.tasks.length === 0) this.clock.step();
      for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) task();
    }
  }

  private entryOf({ port, host }: AskedRequest): { readonly router: Router; readonly upstream: string | null } | null {
    const { outbound } = this.config;
    const isShared = outbound !== null && (port === undefined || port === outbound.port);
    if (isShared || (port === undefined && host !== undefined))
      return { router: this.parts.overrides.before(this.shared), upstream: null };
    const upstream = this.upstreams.all.find(({ declared: { name } }) => {
      return this.config.upstreams.get(name)?.listen?.port === port && port !== undefined;
    });
    if (upstream === undefined) return null;
    return { router: new FixedRouter(upstream.plan, upstream.leads), upstream: upstream.declared.name };
  }

  private decisionOf(
    { plan, place: { subset, endpoints } }: SeenRouter,
    near: NearEnd,
    head: RequestHead,
    own: string | null,
    isStuck: boolean,
  ): Decision {
    const rest = {
      shard: this.shard,
      subset,
      endpoints,
      attempts: this.attempts,
      status: isStuck ? 0 : near.status,
      refusal: near.code,
      fields: near.fields,
      sent: this.sent[0] ?? null,
    };
    if (plan === null) return { ...rest, route: null, match: null, upstream: null, maxAttempts: null, timeouts: null };
    const { effects, labels, retry, timeouts } = plan;
    return {
      ...rest,
      route: effects.route,
      match: effects.route === null ? null : this.matchOf(head, near, own),
      upstream: labels.upstream === NO_UPSTREAM ? null : labels.upstream,
      maxAttempts: retry.maxAttempts,
      timeouts,
    };
  }

  /** Before anybody was asked: balancers learn of what they have sent where. */
  private placeOf(plan: Plan, head: RequestHead, peer: Peer): SeenPlace {
    const placed = new Placed([]);
    placed.now = this.clock.now();
    if (plan.placement.place(head, peer, placed) !== null) return NO_PLACE;
    const found = new Set<string>();
    for (let i = 0; i < DRAWS; i++) {
      const endpoint = plan.cluster.pick(placed);
      if (endpoint === null) break;
      found.add(this.source.nameOf(endpoint.id));
    }
    const own = this.config.upstreams.get(plan.labels.upstream)?.subset ?? null;
    return { subset: subsetIn(placed) ?? own, endpoints: [...found].sort() };
  }

  private matchOf(head: RequestHead, near: NearEnd, own: string | null): RouteMatch | null {
    const { tables } = this.upstreams;
    const named = own ?? parseHost(head.authority)?.service ?? null;
    for (const leads of [...(own === null ? [tables.shared] : []), tables.of(named ?? '')]) {
      const found = leads.match(head, near.peer);
      if (found !== null) return leads.matchOf(found, head);
    }
    return null;
  }

  private observer(): ProxyObserver {
    const plan: PlanObserver = {
      ...IGNORED_PLAN,
      onExchangeClose: (record) => {
        this.shard = record.shard;
        this.attempts = attemptsOf(record).map((id) => this.source.nameOf(id));
      },
    };
    return {
      follow: () => plan,
      onReject: () => undefined,
      onConnection: () => undefined,
      onDetected: () => undefined,
      onBug: (error) => void this.bugs.push(error),
    };
  }
}

/** Where requests of a plan may go first. */
interface SeenPlace {
  readonly subset: string | null;
  readonly endpoints: readonly string[];
}

const NO_PLACE: SeenPlace = { subset: null, endpoints: [] };

/** Writes down which plan a router chose. */
class SeenRouter implements Router {
  plan: Plan | null = null;
  place = NO_PLACE;

  constructor(
    private readonly inner: Router,
    private readonly placeOf: (plan: Plan) => SeenPlace,
  ) {}

  route(...asked: Parameters<Router['route']>): Plan | null {
    this.plan = this.inner.route(...asked);
    if (this.plan !== null) this.place = this.placeOf(this.plan);
    return this.plan;
  }

  routeTunnel(): null {
    return null;
  }
}

function attemptsOf({ attempts, attemptCount }: ExchangeRecord): readonly string[] {
  return attempts.slice(0, attemptCount).map(({ endpoint }) => endpoint.id);
}

function withoutPorts(config: Config): Config {
  const upstreams = [...config.upstreams].map(([name, upstream]): [string, UpstreamConfig] => {
    const { roles } = upstream;
    const unheard = roles === null ? null : { ...roles, listen: { primary: null, replica: null } };
    return [name, { ...upstream, listen: null, roles: unheard, healthCheck: null }];
  });
  return { ...config, upstreams: new Map(upstreams) };
}

/** Of the part of a cluster that it is placed in. */
function subsetIn({ lens }: Placed): string | null {
  const key = lens !== null && 'key' in lens ? String(lens.key) : '';
  return /(?:^|\/)subset=([^ ]+) \(/.exec(key)?.[1] ?? null;
}
