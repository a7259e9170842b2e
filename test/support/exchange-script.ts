import type { FailureCode } from '../../src/base/failure.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { FreshFields } from '../../src/cluster/freshness.ts';
import type { LensSpec } from '../../src/cluster/lens.ts';
import type { FreshOptions } from '../../src/cluster/pickers/fresh-replicas.ts';
import { RingHashBalancer } from '../../src/cluster/pickers/ring-hash.ts';
import { RoundRobinBalancer } from '../../src/cluster/pickers/round-robin.ts';
import type { Role } from '../../src/cluster/role.ts';
import { EVERYONE, type ReadPreference, roleLenses } from '../../src/cluster/role-lenses.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import type { LocalAnswer } from '../../src/http/answer.ts';
import type {
  Client,
  Connector,
  Peer,
  RequestHandler,
  ResponseHandler,
  Tunnel,
  TunnelClient,
  TunnelHandler,
  Upstream,
} from '../../src/http/conduit.ts';
import type { Edits } from '../../src/http/edits.ts';
import { FieldList, type Fields } from '../../src/http/fields.ts';
import type { BodyKind, RequestHead, ResponseHead } from '../../src/http/head.ts';
import { NO_CONNECTION, NO_TUNNEL } from '../../src/http/no-connection.ts';
import { AdaptiveLimit } from '../../src/policy/adaptive-limit.ts';
import { type AdaptiveOptions, DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { Admission } from '../../src/policy/admission.ts';
import { FullJitter } from '../../src/policy/backoff.ts';
import { RetryBudget } from '../../src/policy/budget.ts';
import { CriticalityRule, DEFAULT_CRITICALITY_OPTIONS } from '../../src/policy/criticality-rule.ts';
import { OPEN_DOOR } from '../../src/policy/door.ts';
import type { FallbackKind } from '../../src/policy/fallback.ts';
import { type Faults, NO_FAULTS } from '../../src/policy/fault.ts';
import { DEFAULT_HEDGE, type HedgeOptions, LiveHedge, NO_HEDGE } from '../../src/policy/hedge.ts';
import {
  type BreakerOptions,
  DEFAULT_BREAKER,
  DEFAULT_LIMITS,
  DEFAULT_RETRY,
  DEFAULT_TIMEOUTS,
  type LimitOptions,
  type RetryOptions,
  type TimeoutOptions,
} from '../../src/policy/options.ts';

import { Pace } from '../../src/policy/pace.ts';
import { RetrySlots } from '../../src/policy/retry-slots.ts';
import { textsOf } from '../../src/proxy/allowance.ts';

import { Exchange } from '../../src/proxy/exchange.ts';
import type { ExchangeContext } from '../../src/proxy/exchange-context.ts';
import { DEFAULT_HOLD, Hold, type HoldOptions } from '../../src/proxy/hold.ts';
import { NO_MIRRORS } from '../../src/proxy/mirrors.ts';
import type { ExchangeRecord, PlanObserver, ProxyObserver, TunnelRecord } from '../../src/proxy/observer.ts';
import { Parking } from '../../src/proxy/parking.ts';
import type { Placement } from '../../src/proxy/placement.ts';
import { type Fallback, NO_FALLBACK, type Plan, type Router } from '../../src/proxy/plan.ts';
import { Retrying } from '../../src/proxy/retrying.ts';
import { NO_EFFECTS, type RouteEffects } from '../../src/proxy/route-effects.ts';
import { SpentTraces } from '../../src/proxy/spent-traces.ts';
import { WaitingLine } from '../../src/proxy/waiting-line.ts';
import { Anywhere } from '../../src/route/anywhere.ts';
import { makeHashKey } from '../../src/route/hash-keys.ts';
import type { KeyOptions } from '../../src/route/keys/options.ts';
import { ReadYourWrites, type ReadYourWritesOptions } from '../../src/route/read-your-writes.ts';
import { ByRole, DEFAULT_READS, Reads } from '../../src/route/roles.ts';
import { ManualClock } from './manual-clock.ts';

export interface ScriptOptions {
  /** Names of the endpoints, `a` or `a=primary`; null: discovery has not answered yet. */
  readonly endpoints?: readonly string[] | null;
  readonly retry?: Partial<RetryOptions>;
  readonly timeouts?: Partial<TimeoutOptions>;
  readonly limits?: Partial<LimitOptions>;
  readonly hedge?: Partial<HedgeOptions>;
  readonly adaptive?: Partial<AdaptiveOptions>;
  readonly breaker?: Partial<BreakerOptions>;
  /** With it, the balancer is a ring. */
  readonly hash?: readonly KeyOptions[];
  readonly trustsPeer?: boolean;
  readonly returnsUnseen?: boolean;
  /** Connections that are ready at once, as if they had been pooled. */
  readonly warm?: boolean;
  readonly instanceId?: string;
  /** Endpoints have roles, which `discover` is told as `a=primary`; requests are placed by them. */
  readonly roles?: {
    readonly hold?: Partial<HoldOptions>;
    readonly read?: ReadPreference;
    readonly fresh?: FreshOptions;
    readonly readYourWrites?: ReadYourWritesOptions;
    /** Fields of answers that tell how fresh an endpoint is. */
    readonly fields?: FreshFields;
  };
  readonly lenses?: readonly LensSpec[];
  /** What befalls requests, at the time of the script. */
  readonly faults?: (clock: ManualClock) => Faults;
  readonly fallback?: Fallback;
  readonly effects?: RouteEffects;
  /** Another script's, for two clusters side by side. */
  readonly clock?: ManualClock;
  /** Without it, a bug fails the test. */
  onBug?(error: unknown): void;
}

export const PEER: Peer = { address: '127.0.0.1', port: 40000, listener: 'orders', scheme: 'http', identity: null };

/**
 * The whole data path without a socket: a real exchange, cluster, picker, breaker and budget between a client and
 * endpoints that only write down what they are told. Every line of `log` is `<ms since the start> <who> <what>`.
 */
export class ExchangeScript {
  readonly clock: ManualClock;
  readonly log: string[] = [];
  readonly records: RecordCopy[] = [];
  readonly rejects: string[] = [];
  /** Fields that were added to the last answer of our own. */
  local: Record<string, string> = {};
  /** Fields that were left out of the last answer of an endpoint. */
  removed: readonly string[] = [];
  readonly endpoints = new Map<string, FakeConnector>();
  readonly admission: Admission;
  readonly line: WaitingLine;
  /** What waits for the turn of the event loop to end; see `endTurn`. */
  private readonly later: (() => void)[] = [];
  readonly budget: RetryBudget;
  readonly slots: RetrySlots;
  readonly spent = new SpentTraces();
  readonly cluster: Cluster;
  /** Of who comes from now on. */
  plan: Plan;
  readonly parking: Parking;
  readonly hold: Hold;
  readonly observer: ProxyObserver;
  readonly router: Router;
  private readonly startedAt: number;

  constructor(private readonly options: ScriptOptions = {}) {
    this.clock = options.clock ?? new ManualClock();
    this.startedAt = this.clock.now();
    const random = new SeededRandom(7);
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const retry = { ...DEFAULT_RETRY, ...options.retry };
    this.admission = new Admission(limits.maxRequests, new AdaptiveLimit({ ...DEFAULT_ADAPTIVE, ...options.adaptive }));
    this.line = new WaitingLine(this.clock, this.admission, limits, (task) => this.later.push(task));
    this.budget = new RetryBudget(retry.budget);
    this.slots = new RetrySlots(retry.maxConcurrent);
    this.parking = new Parking(this.clock, limits);
    this.hold = new Hold(this.clock, { ...DEFAULT_HOLD, ...options.roles?.hold });
    this.observer = {
      follow: () => this.planObserver(),
      onReject: (listener, code) => this.rejects.push(`${listener} ${code}`),
      onConnection: () => undefined,
      onDetected: () => undefined,
      onBug: (error) => {
        if (options.onBug === undefined) throw error;
        options.onBug(error);
      },
    };
    this.cluster = new Cluster({
      name: 'orders',
      options: {
        balancer: { name: 'round_robin' },
        breaker: { ...DEFAULT_BREAKER, ...options.breaker },
        tree: DEFAULT_TREE,
        lenses: options.lenses ?? lensesOf(options),
        fresh: options.roles?.fields ?? null,
      },
      balancer: new (options.hash === undefined ? RoundRobinBalancer : RingHashBalancer)(new SeededRandom(1)),
      connectorFactory: (spec) => this.connector(spec),
      clock: this.clock,
      random,
      listener: { onBreakerChange: (endpoint, _from, to) => this.say(`${nameOf(endpoint.spec)} breaker ${to}`) },
      later: (task) => task(),
    });
    this.cluster.onApply(() => {
      this.parking.wakeAll(this.clock.now());
      this.hold.wakeAll(this.clock.now());
    });
    this.plan = {
      labels: { direction: 'outbound', upstream: 'orders', protocol: 'http' },
      cluster: this.cluster,
      door: OPEN_DOOR,
      admission: this.admission,
      line: this.line,
      criticality: new CriticalityRule({ ...DEFAULT_CRITICALITY_OPTIONS, mayRaise: options.trustsPeer ?? true }),
      retry,
      retrying: new Retrying(retry, this.slots, this.spent),
      budget: this.budget,
      hedge: options.hedge === undefined ? NO_HEDGE : new LiveHedge({ ...DEFAULT_HEDGE, ...options.hedge }),
      backoff: new FullJitter(retry, { uint32: () => 0, next: () => 1, below: () => 0 }),
      parking: this.parking,
      timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
      timeTexts: textsOf({ ...DEFAULT_TIMEOUTS, ...options.timeouts }),
      pace: new Pace(),
      placement: this.placement(),
      effects: options.effects ?? NO_EFFECTS,
      mirrors: NO_MIRRORS,
      faults: options.faults?.(this.clock) ?? NO_FAULTS,
      fallback: options.fallback ?? NO_FALLBACK,
      spreader: null,
      sampleRatio: 0,
      trustsPeer: options.trustsPeer ?? true,
      returnsUnseen: options.returnsUnseen ?? false,
      observer: this.observer.follow({ direction: 'outbound', upstream: 'orders', protocol: 'http' }),
    };
    this.router = {
      route: (head) => (head.authority === 'nowhere' ? null : this.plan),
      routeTunnel: () => this.plan,
    };
    if (options.endpoints !== null) this.discover(options.endpoints ?? ['a', 'b']);
  }

  say(text: string): void {
    this.log.push(`${Math.round(this.clock.now() - this.startedAt)} ${text}`);
  }

  /** What was said since the last look. */
  take(): string[] {
    return this.log.splice(0);
  }

  /** The turn of the event loop is over. */
  endTurn(): void {
    for (const task of this.later.splice(0)) task();
  }

  discover(names: readonly string[]): void {
    this.cluster.apply({ service: 'orders', source: 'file', endpoints: names.map(specOf) });
  }

  open(make: MakeHandler = (context, router, client) => new Exchange(context, router, client)): FakeClient {
    const { clock, observer, router } = this;
    const instanceId = this.options.instanceId ?? '0123456789abcdef';
    return new FakeClient(this, (client) =>
      make({ clock, random: new SeededRandom(3), instanceId, observer }, router, client),
    );
  }

  endpoint(name: string): FakeConnector {
    return this.endpoints.get(name)!;
  }

  /** Everything that was opened is closed: the books of the whole script. */
  books(): { admitted: number; active: number; parked: number; timers: number } {
    let active = 0;
    for (const endpoint of this.cluster.endpoints) active += endpoint.active;
    const parked = this.parking.size + this.hold.size + this.line.size;
    return { admitted: this.admission.inFlight, active, parked, timers: this.clock.armed };
  }

  private placement(): Placement {
    const { roles, hash } = this.options;
    if (roles === undefined) return new Anywhere(hash === undefined ? null : makeHashKey(hash, new SeededRandom(4)));
    const [primary, replica] = [this.cluster.lensOf('role=primary'), this.cluster.lensOf('role=replica')];
    const { read, readYourWrites = null } = roles;
    const readers = read === 'any' ? this.cluster.lensOf(EVERYONE) : read === 'primary' ? primary : replica;
    const parts = { primary, replica, readers, hold: this.hold };
    const tokens = readYourWrites === null ? null : new ReadYourWrites(readYourWrites, 'orders', this.clock);
    return new ByRole(new Reads(DEFAULT_READS), parts, null, tokens);
  }

  private connector(spec: EndpointSpec): FakeConnector {
    const connector = new FakeConnector(this, nameOf(spec), this.options.warm ?? true);
    this.endpoints.set(nameOf(spec), connector);
    return connector;
  }

  private planObserver(): PlanObserver {
    return {
      onExchangeOpen: () => undefined,
      onExchangeClose: (record) => this.records.push(copyOf(record)),
      onTunnelOpen: () => undefined,
      onTunnelClose: (record) => this.say(`tunnel closed ${describeTunnel(record)}`),
      onRetry: (record) => this.say(`retry after ${nameOf(record.endpoint.spec)} ${record.code ?? record.status}`),
      onRetryRefused: (why) => this.say(`no retry: ${why}`),
      onKeyMissing: () => this.say('no key'),
    };
  }
}

/** What is asserted on of a record, which is only lent. */
export interface RecordCopy {
  readonly status: number;
  readonly code: FailureCode | null;
  /** Of gRPC calls alone. */
  readonly grpcStatus?: number;
  /** Of those with a shard alone. */
  readonly shard?: string;
  readonly attempts: readonly string[];
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of those alone that had one. */
  readonly fault?: string;
  readonly fallback?: FallbackKind;
  readonly overrideOf?: string;
  /** Of those alone that were held. */
  readonly heldMs?: number;
}

function copyOf(record: ExchangeRecord): RecordCopy {
  const attempts = record.attempts
    .slice(0, record.attemptCount)
    .map((attempt) => `${nameOf(attempt.endpoint.spec)} ${attempt.code ?? attempt.status} ${attempt.outcome}`);
  const { status, code, requestBytes, responseBytes, isGrpc, grpcStatus, heldMs, shard, fault, fallback } = record;
  const held = heldMs > 0 ? { heldMs } : {};
  const { overrideOf } = record;
  const over = overrideOf === null ? {} : { overrideOf };
  const instead = { ...(fault === null ? {} : { fault }), ...(fallback === null ? {} : { fallback }) };
  const more = {
    ...(isGrpc ? { grpcStatus } : {}),
    ...held,
    ...(shard === null ? {} : { shard }),
    ...instead,
    ...over,
  };
  return { status, code, ...more, attempts, requestBytes, responseBytes };
}

function describeTunnel(record: TunnelRecord): string {
  return `${record.code ?? 'in order'} up=${record.bytesUp} down=${record.bytesDown} attempts=${record.attemptCount}`;
}

function lensesOf({ roles }: ScriptOptions): readonly LensSpec[] {
  return roles === undefined ? [] : roleLenses(roles.read ?? 'prefer_replica', null, roles.fresh ?? null);
}

function specOf(text: string): EndpointSpec {
  const [name, role] = text.split('=') as [string, Role?];
  const port = 7000 + name.charCodeAt(0);
  const id = `127.0.0.1:${port}/${name}`;
  return {
    id,
    host: '127.0.0.1',
    port,
    weight: 1,
    health: 'passing',
    tags: [],
    meta: {},
    zone: null,
    priority: 0,
    role: role ?? null,
  };
}

function nameOf(spec: EndpointSpec): string {
  return spec.id.split('/')[1]!;
}

export interface RequestText {
  readonly method?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly body?: BodyKind;
  readonly contentLength?: number;
  readonly wantsContinue?: boolean;
  readonly upgrade?: string;
  readonly version?: string;
  readonly fields?: Readonly<Record<string, string>>;
}

class Head extends FieldList {
  constructor(fields: Readonly<Record<string, string>>) {
    super();
    for (const [name, value] of Object.entries(fields)) this.add(name, value);
  }
}

export function requestHead(text: RequestText = {}): RequestHead {
  return Object.assign(new Head(text.fields ?? {}), {
    method: text.method ?? 'GET',
    scheme: 'http',
    authority: text.authority ?? 'orders',
    path: text.path ?? '/',
    body: text.body ?? ('none' as const),
    contentLength: text.contentLength ?? -1,
    wantsContinue: text.wantsContinue ?? false,
    acceptsTrailers: false,
    upgrade: text.upgrade ?? null,
    version: text.version ?? '1.1',
  });
}

export function responseHead(
  status: number,
  body: BodyKind = 'none',
  contentLength = -1,
  fields: Readonly<Record<string, string>> = {},
): ResponseHead {
  return Object.assign(new Head(fields), { status, body, contentLength });
}

/** What stands between a client and its plan. */
export type MakeHandler = (context: ExchangeContext, router: Router, client: Client) => RequestHandler;

/** The client's end: what it is sent becomes lines of the log. */
export class FakeClient implements Client {
  readonly peer = PEER;
  readonly handler: RequestHandler;
  /** Answers `sendBody` gives: false plays a slow reader. */
  hasRoom = true;

  constructor(
    private readonly script: ExchangeScript,
    make: (client: Client) => RequestHandler,
  ) {
    this.handler = make(this);
  }

  /** A request without a body. */
  request(text: RequestText = {}): void {
    this.handler.onRequest(requestHead(text));
    this.handler.onRequestEnd(null);
  }

  sendInterim(head: ResponseHead): void {
    this.script.say(`client interim ${head.status}`);
  }

  sendHead(head: ResponseHead, edits: Edits): void {
    this.script.removed = edits.removed.slice(0, edits.removedCount).filter((name) => head.count(name) > 0);
    const added = edits.names.slice(0, edits.addedCount).map((name, at) => ` ${name}: ${edits.values[at]}`);
    this.script.say(`client head ${head.status}${added.join('')}`);
  }

  sendBody(bytes: Buffer): boolean {
    this.script.say(`client body ${bytes.toString('latin1')}`);
    return this.hasRoom;
  }

  sendEnd(trailers: Fields | null): void {
    const verdict = trailers?.get('x-remora-retry') ?? null;
    const told = verdict === null ? '' : ` x-remora-retry: ${verdict}`;
    this.script.say(`client end${trailers === null ? '' : ' with trailers'}${told}`);
  }

  sendLocal(answer: LocalAnswer, edits: Edits): void {
    this.script.local = {};
    for (let i = 0; i < edits.addedCount; i++) this.script.local[edits.names[i]!] = edits.values[i]!;
    this.script.say(`client local ${answer.status}${answer.code === null ? '' : ` ${answer.code}`}`);
  }

  sendRefusal(): boolean {
    this.script.say('client refusal');
    return true;
  }

  resume(): void {
    this.script.say('client resume');
  }

  finish(intact: boolean): void {
    this.script.say(`client finish ${intact}`);
  }
}

/** An endpoint's pool: every acquired connection is in `upstreams`, newest last. */
export class FakeConnector implements Connector {
  readonly upstreams: FakeUpstream[] = [];
  readonly tunnels: TunnelHandler[] = [];
  /** As many connections are open as may be. */
  isExhausted = false;

  constructor(
    private readonly script: ExchangeScript,
    private readonly name: string,
    public isWarm: boolean,
  ) {}

  get last(): FakeUpstream {
    return this.upstreams.at(-1)!;
  }

  acquire(handler: ResponseHandler, fresh: boolean): Upstream {
    if (this.isExhausted) return NO_CONNECTION;
    const upstream = new FakeUpstream(this.script, this.name, handler, this.isWarm && !fresh);
    this.upstreams.push(upstream);
    if (!upstream.isReady) this.script.say(`${this.name} connect${fresh ? ' fresh' : ''}`);
    return upstream;
  }

  dial(handler: TunnelHandler): Tunnel {
    if (this.isExhausted) return NO_TUNNEL;
    this.script.say(`${this.name} dial`);
    this.tunnels.push(handler);
    return {
      abort: () => this.script.say(`${this.name} abort`),
      cut: (code) => {
        this.script.say(`${this.name} cut ${code}`);
        handler.onClose(0, 0, 0, code);
      },
      talk: () => this.script.say(`${this.name} talk`),
      close: () => this.script.say(`${this.name} close`),
    };
  }

  retire(): void {
    this.script.say(`${this.name} retire`);
  }
}

export class FakeUpstream implements Upstream {
  readonly version = '1.1';
  bytesWritten = 0;
  hasRoom = true;
  isAborted = false;
  sentFields: Record<string, string> = {};

  constructor(
    private readonly script: ExchangeScript,
    private readonly name: string,
    readonly handler: ResponseHandler,
    public isReady: boolean,
  ) {}

  get isReused(): boolean {
    return this.isReady;
  }

  /** The whole of a plain answer. */
  answer(status: number, body = '', fields: Readonly<Record<string, string>> = {}): void {
    const length = body === '' ? -1 : body.length;
    this.handler.onHead(responseHead(status, body === '' ? 'none' : 'length', length, fields));
    if (body !== '') this.handler.onBody(Buffer.from(body));
    this.handler.onEnd(null);
  }

  sendHead(head: RequestHead, edits: Edits): void {
    this.bytesWritten += 100;
    this.sentFields = {};
    for (let i = 0; i < edits.addedCount; i++) this.sentFields[edits.names[i]!] = edits.values[i]!;
    this.script.say(`${this.name} send ${head.method} ${head.path}`);
  }

  sendBody(bytes: Buffer): boolean {
    this.bytesWritten += bytes.length;
    this.script.say(`${this.name} body ${bytes.toString('latin1')}`);
    return this.hasRoom;
  }

  sendEnd(): void {
    this.script.say(`${this.name} end`);
  }

  resume(): void {
    this.script.say(`${this.name} resume`);
  }

  abort(): void {
    this.isAborted = true;
    this.script.say(`${this.name} abort`);
  }
}

export class FakeTunnelClient implements TunnelClient {
  readonly peer = PEER;
  readonly serverName = null;

  constructor(private readonly script: ExchangeScript) {}

  splice(_tunnel: Tunnel, idleTimeoutMs: number): void {
    this.script.say(`client splice ${idleTimeoutMs}`);
  }

  refuse(): void {
    this.script.say('client refuse');
  }
}
