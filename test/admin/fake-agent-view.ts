import type {
  AgentView,
  ClusterView,
  ConfigView,
  EndpointView,
  IdentityView,
  ListenerView,
  ReadinessView,
  RoutesView,
  ShardsView,
  StandingView,
} from '../../src/admin/agent-view.ts';

/** A sidecar that says what a test put into it. */
export class FakeAgentView implements AgentView {
  identityView: IdentityView = { version: '0.1.0', service: { name: 'web', id: 'web-1' }, uptimeMs: 192_000 };
  readinessView: ReadinessView = { isReady: true, isDraining: false, waitingFor: [] };
  standingView: StandingView = { registration: { problem: null }, application: null, overload: [] };
  listenerViews: readonly ListenerView[] = [
    { name: 'inbound', protocol: 'http', address: '127.0.0.1', port: 15006, connections: 3 },
    { name: 'outbound', protocol: 'http', address: '::1', port: 15001, connections: 12 },
    { name: 'cache', protocol: 'tcp', address: '127.0.0.1', port: 0, connections: 0 },
  ];
  clusterViews: readonly ClusterView[] = [orders(), empty()];
  routesView: RoutesView = { total: 0, routes: [] };
  shardViews: readonly ShardsView[] = [];
  configView: ConfigView = {
    effective: { service: { name: 'web' }, consul: { token: '(secret)' } },
    origins: new Map([['service.name', { source: 'remora.yaml', line: 1, column: 18 }]]),
    layers: [
      { name: 'remora.yaml', revision: 'a1b2c3', problems: [], unreachable: null },
      {
        name: 'remora/config/caller/web',
        revision: null,
        unreachable: null,
        problems: [
          {
            source: 'kv:remora/config/caller/web',
            line: 2,
            column: 17,
            path: 'upstreams.orders.port',
            found: '"x"',
            expected: 'a port',
            hint: null,
          },
        ],
      },
    ],
  };
  metrics: () => string | Promise<string> = () => '# TYPE remora_up gauge\nremora_up 1\n';
  drains = 0;

  identity(): IdentityView {
    return this.identityView;
  }

  readiness(): ReadinessView {
    return this.readinessView;
  }

  standing(): StandingView {
    return this.standingView;
  }

  listeners(): readonly ListenerView[] {
    return this.listenerViews;
  }

  clusters(): readonly ClusterView[] {
    return this.clusterViews;
  }

  shards(): readonly ShardsView[] {
    return this.shardViews;
  }

  routes(): RoutesView {
    return this.routesView;
  }

  config(): ConfigView {
    return this.configView;
  }

  renderMetrics(): string | Promise<string> {
    return this.metrics();
  }

  drain(): void {
    this.drains++;
  }
}

export function endpoint(changes: Partial<EndpointView> = {}): EndpointView {
  return {
    id: '10.0.0.1:7001/orders-1',
    host: '10.0.0.1',
    port: 7001,
    weight: 1,
    health: 'passing',
    breaker: 'closed',
    trips: 0,
    active: 3,
    latencyMs: 4.25,
    pool: { open: 5, idle: 2, idleTimeoutMs: 1_600, idleTimeoutFrom: 'learned' },
    isRemoved: false,
    role: null,
    lagMs: null,
    position: null,
    ejection: null,
    check: null,
    ...changes,
  };
}

function orders(): ClusterView {
  return {
    name: 'orders',
    isInbound: false,
    protocol: 'grpc',
    source: 'consul',
    ageMs: 1_250,
    problem: null,
    balancer: 'ring_hash',
    faults: [],
    fingerprint: '0123456789abcdef',
    capacity: {
      inFlight: 20,
      maxRequests: 20,
      connections: 18,
      maxConnections: 1_024,
      pending: 4,
      adaptive: { limit: 34, gradient: 0.875, isEnforced: false, refusals: 3 },
    },
    throttled: { percent: 37, isEnforced: false },
    places: [
      { level: 0, name: 'orders', zone: 'a', healthy: 1, total: 2, share: 70, isPanic: false },
      { level: 1, name: 'orders-eu@dc2', zone: null, healthy: 1, total: 1, share: 30, isPanic: true },
    ],
    endpoints: [
      endpoint(),
      endpoint({
        id: '10.0.0.2:7001/orders-2',
        host: '10.0.0.2',
        weight: 10,
        health: 'warning',
        breaker: 'open',
        trips: 3,
        active: 0,
        latencyMs: null,
        pool: { open: 0, idle: 0, idleTimeoutMs: 4_000, idleTimeoutFrom: 'configured' },
      }),
      endpoint({
        id: '10.0.0.3:7001/orders-3',
        host: '10.0.0.3',
        role: 'replica',
        lagMs: 1_500,
        position: 4_711,
        isRemoved: true,
        latencyMs: 1_890,
        trips: 1,
        ejection: { detector: 'latency', figures: { medianMs: 412.5, peersMs: 11 }, leftMs: 23_100, count: 2 },
      }),
    ],
    ejections: [
      {
        agoMs: 90_000,
        endpoint: '10.0.0.3:7001/orders-3',
        kind: 'returned',
        detector: 'latency',
        figures: {},
        forMs: 30_000,
        why: 'time',
      },
      {
        agoMs: 36_900,
        endpoint: '10.0.0.3:7001/orders-3',
        kind: 'ejected',
        detector: 'latency',
        figures: { medianMs: 412.5, peersMs: 11 },
        forMs: 60_000,
        why: null,
      },
    ],
  };
}

function empty(): ClusterView {
  return {
    name: 'cache',
    isInbound: false,
    protocol: 'auto',
    source: null,
    ageMs: null,
    problem: 'no leader',
    balancer: 'random',
    fingerprint: null,
    capacity: null,
    throttled: null,
    places: [],
    endpoints: [],
    ejections: [],
    faults: [],
  };
}
