import { ConnectionRoom } from '../../src/agent/connection-room.ts';
import { LeavingPorts } from '../../src/agent/leaving-ports.ts';
import type { Parts } from '../../src/agent/parts.ts';
import { NOWHERE, type Place } from '../../src/agent/place.ts';
import { PlanDirectory } from '../../src/agent/relief.ts';
import { RoutedSubsets } from '../../src/agent/routed-subsets.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Cell, type Watch } from '../../src/base/watch.ts';
import { Turnstile } from '../../src/cluster/checks/turnstile.ts';
import type {
  ClusterSnapshot,
  DiscoverySource,
  EndpointSpec,
  ServiceQuery,
  Start,
} from '../../src/cluster/snapshot.ts';
import type { Config, UpstreamConfig } from '../../src/config/config.ts';
import { undeclaredUpstream } from '../../src/config/undeclared.ts';
import { unsaidUpstream } from '../../src/config/unsaid-upstream.ts';
import { Sources } from '../../src/discovery/sources.ts';
import { type StaticServices, StaticSource } from '../../src/discovery/static-source.ts';
import { WindowBudget } from '../../src/http2/receive-window.ts';
import { Output } from '../../src/net/output.ts';
import { Wires } from '../../src/net/session-wire.ts';
import type { ServerSocket, Sockets } from '../../src/net/sockets.ts';
import { DEFAULT_OVERLOAD, OverloadGuard } from '../../src/policy/overload-guard.ts';
import { IGNORED_PLAN } from '../../src/proxy/observer.ts';
import { MirrorCrowd } from '../../src/proxy/places/mirror-crowd.ts';
import { Shadows } from '../../src/proxy/places/shadows.ts';
import { SpentTraces } from '../../src/proxy/spent-traces.ts';
import { NO_OVERRIDES } from '../../src/route/overrides/overrides.ts';
import { specs } from './endpoint-specs.ts';
import { ManualClock } from './manual-clock.ts';

const HTTP = {
  maxHeadBytes: 65_536,
  maxFields: 100,
  maxTargetBytes: 8_192,
  headTimeoutMs: 10_000,
  clientIdleMs: 60_000,
  upstreamIdleMs: 60_000,
  maxConnections: 100,
};

const HTTP2 = {
  maxStreams: 100,
  maxListBytes: 65_536,
  maxFields: 100,
  maxStreamWindow: 1_048_576,
  maxConnectionWindow: 4_194_304,
  windowBudgetBytes: 67_108_864,
  maxHeldBytes: 1_048_576,
  maxResets: 250,
  maxUselessFrames: 1_000,
  pingIntervalMs: 10_000,
  pingTimeoutMs: 3_000,
};

/** Ports that are numbers in a set: one that is in it cannot be bound. */
export class FakePorts implements Sockets {
  readonly kind = 'data';
  readonly open = new Set<number>();
  /** Every port that was bound, in order. */
  readonly bound: number[] = [];

  dial(): never {
    throw new Error('nothing is dialled in this test');
  }

  async listen(address: string, port: number): Promise<ServerSocket> {
    if (this.open.has(port)) throw Object.assign(new Error(), { code: 'EADDRINUSE' });
    this.open.add(port);
    this.bound.push(port);
    return { address, port, close: () => this.open.delete(port) };
  }
}

/** A Consul that answers when it is told to. */
export class FakeConsul implements DiscoverySource {
  readonly asked: { readonly query: ServiceQuery; readonly signal: AbortSignal; readonly start: Start }[] = [];
  private readonly cells: Cell<ClusterSnapshot>[] = [];

  constructor(private readonly clock: ManualClock) {}

  follow(query: ServiceQuery, signal: AbortSignal, start: Start): Watch<ClusterSnapshot> {
    this.asked.push({ query, signal, start });
    const cell = new Cell<ClusterSnapshot>(this.clock);
    this.cells.push(cell);
    return cell;
  }

  /** To the n-th question, with endpoints by their short names and what else is said of each. */
  answer(n: number, names: string, more: readonly Partial<EndpointSpec>[] = []): void {
    this.tell(
      n,
      specs(names).map((one, i) => ({ ...one, ...more[i] })),
    );
  }

  /** The same with endpoints as they are. */
  tell(n: number, endpoints: readonly EndpointSpec[]): void {
    const { service } = this.asked[n]!.query;
    this.cells[n]!.set({ service, endpoints, source: 'consul' });
  }
}

/** What an upstream needs of the process, without any of its sockets. */
export function agentParts({ hasConsul = true } = {}) {
  const clock = new ManualClock();
  const random = new SeededRandom(7);
  const ports = new FakePorts();
  const consul = new FakeConsul(clock);
  const services = new Cell<StaticServices>(clock, new Map());
  const sources = new Sources(services, new StaticSource(services, clock), hasConsul ? consul : null);
  const place = new Cell<Place>(clock, NOWHERE);
  const bugs: unknown[] = [];
  const followed: string[] = [];
  const observer = {
    follow: ({ upstream, protocol }: { readonly upstream: string; readonly protocol: string }) => {
      followed.push(`${upstream} ${protocol}`);
      return IGNORED_PLAN;
    },
    onReject: () => undefined,
    onConnection: () => undefined,
    onDetected: () => undefined,
    onBug: (error: unknown) => void bugs.push(error),
  };
  const context = { clock, random, instanceId: '0123456789abcdef', observer };
  const parts: Parts = {
    clock,
    random,
    log: NO_LOG,
    sockets: ports,
    host: { output: new Output(), onBug: observer.onBug },
    limits: HTTP,
    http2: { wires: new Wires(), budget: new WindowBudget(HTTP2.windowBudgetBytes), limits: HTTP2, random },
    room: ConnectionRoom.within(1024, 1, 100),
    guard: new OverloadGuard(DEFAULT_OVERLOAD, random, { onPressure: () => undefined }),
    leaving: new LeavingPorts(),
    observer,
    breakers: { onBreakerChange: () => undefined },
    turnstile: new Turnstile(),
    context,
    shadows: new Shadows(context),
    mirrored: new MirrorCrowd(),
    spent: new SpentTraces(),
    sources,
    caller: 'web',
    place,
    sampling: { ratio: 0 },
    directory: new PlanDirectory(),
    unsaid: () => unsaidUpstream({}),
    overrides: NO_OVERRIDES,
    subsets: new RoutedSubsets(false),
  };
  return { parts, place, clock, ports, consul, services, bugs, followed };
}

/** An upstream as if it were declared with nothing but this. */
export function upstreamConfig(name: string, more: Partial<UpstreamConfig> = {}): UpstreamConfig {
  return { ...undeclaredUpstream({ service: name, tag: null, datacenter: null }, unsaidUpstream({})), ...more };
}

export function listen(port: number): UpstreamConfig['listen'] {
  return { address: '127.0.0.1', port };
}

export function agentConfig(upstreams: readonly UpstreamConfig[], more: Partial<Config> = {}): Config {
  return {
    service: {
      name: 'web',
      id: 'web',
      address: '127.0.0.1',
      port: 80,
      protocol: 'auto',
      zone: null,
      tags: [],
      meta: {},
      register: null,
    },
    inbound: null,
    // Routes are those of the shared port.
    outbound: more.routes === undefined ? null : { address: '127.0.0.1', port: 0, protocol: 'http', discover: false },
    upstreams: new Map(upstreams.map((upstream) => [upstream.name, upstream])),
    routes: [],
    static: new Map(),
    consul: null,
    overrides: null,
    admin: { address: '127.0.0.1', port: 0, grpcPort: null, tokenFile: null },
    telemetry: { otlp: null, sampleRatio: 0, accessLog: 'off' },
    http: HTTP,
    http2: HTTP2,
    overload: DEFAULT_OVERLOAD,
    shutdown: { propagationMs: 0, timeoutMs: 1000 },
    secrets: { dir: null, allowEnv: [] },
    stateDir: null,
    ...more,
  };
}
