import type { AgentView, BreakerView, CapacityView, CheckView, EndpointView, PoolView } from './agent-view.ts';
import { type BoundedCluster, type BoundedLayer, boundEndpoints, boundProblems } from './bounds.ts';
import { decodeEjectionEvent, type EjectionEventMessage, type EjectionView } from './ejection-view.ts';
import type { StatusReport } from './report.ts';
import type { Message } from './wire.ts';

/** The views of admin as the messages of `admin.proto`, and back. Null is an absent field, both ways. */
export function encodeStatus(view: AgentView): Message {
  const { version, service, uptimeMs } = view.identity();
  const { isReady, isDraining, waitingFor } = view.readiness();
  const { registration, application, overload } = view.standing();
  const serving = isReady ? 'STATE_SERVING' : 'STATE_STARTING';
  return {
    version,
    service,
    uptimeMs,
    state: isDraining ? 'STATE_DRAINING' : serving,
    waitingFor,
    listeners: view.listeners(),
    configLayers: boundProblems(view.config().layers),
    registration,
    application,
    overload: overload.map(({ isEnforced, ...rest }) => ({ ...rest, enforced: isEnforced })),
  };
}

/** `names` empty: all of them. */
export function encodeClusters(view: AgentView, names: readonly string[]): Message {
  const clusters = view.clusters().filter((cluster) => names.length === 0 || names.includes(cluster.name));
  return {
    clusters: boundEndpoints(clusters).map((cluster) => ({
      ...cluster,
      inbound: cluster.isInbound,
      capacity: cluster.capacity === null ? null : encodeCapacity(cluster.capacity),
      throttled: cluster.throttled === null ? null : encodeThrottled(cluster.throttled),
      places: cluster.places.map(({ isPanic, ...place }) => ({ ...place, panic: isPanic })),
      endpoints: cluster.endpoints.map(encodeEndpoint),
    })),
  };
}

function encodeCapacity({ adaptive, ...rest }: CapacityView): CapacityMessage {
  if (adaptive === null) return { ...rest, adaptive };
  const { isEnforced: enforced, ...more } = adaptive;
  return { ...rest, adaptive: { ...more, enforced } };
}

function decodeCapacity({ adaptive = null, ...rest }: CapacityMessage): CapacityView {
  if (adaptive === null) return { ...rest, adaptive };
  const { enforced: isEnforced, ...more } = adaptive;
  return { ...rest, adaptive: { ...more, isEnforced } };
}

export function decodeStatus(message: Message): StatusReport {
  const { version, service, uptimeMs, state, waitingFor, listeners, configLayers } = message as StatusMessage;
  const { registration, application, overload } = message as StatusMessage;
  return {
    identity: { version, service: service ?? { name: '', id: '' }, uptimeMs },
    readiness: { isReady: state === 'STATE_SERVING', isDraining: state === 'STATE_DRAINING', waitingFor },
    standing: {
      registration: decodeStanding(registration),
      application: decodeStanding(application),
      overload: overload.map(({ enforced: isEnforced, ...pressure }) => ({ ...pressure, isEnforced })),
    },
    listeners,
    layers: configLayers.map(decodeLayer),
  };
}

function encodeThrottled({ percent, isEnforced }: NonNullable<BoundedCluster['throttled']>): Message {
  return { percent, enforced: isEnforced };
}

function decodeThrottled(message: ThrottledMessage | null): BoundedCluster['throttled'] {
  return message === null ? null : { percent: message.percent, isEnforced: message.enforced };
}

function decodeStanding(message: StandingMessage | null): { readonly problem: string | null } | null {
  return message === null ? null : { problem: message.problem ?? null };
}

export function decodeClusters(message: Message): readonly BoundedCluster[] {
  return (message as ClustersMessage).clusters.map(
    ({ name, inbound: isInbound, protocol = null, source = null, ageMs = null, problem = null, ...rest }) => {
      const {
        balancer,
        fingerprint = null,
        capacity = null,
        throttled = null,
        places,
        placesOmitted,
        endpoints,
        endpointsOmitted,
        ejections,
        faults,
      } = rest;
      return {
        name,
        isInbound,
        protocol,
        source,
        ageMs,
        problem,
        balancer,
        fingerprint,
        capacity: capacity === null ? null : decodeCapacity(capacity),
        throttled: decodeThrottled(throttled),
        places: places.map(({ name: target = null, zone = null, panic: isPanic, ...place }) => {
          return { ...place, name: target, zone, isPanic };
        }),
        placesOmitted,
        endpoints: endpoints.map(decodeEndpoint),
        endpointsOmitted,
        ejections: ejections.map(decodeEjectionEvent),
        faults,
      };
    },
  );
}

function decodeLayer(message: LayerMessage): BoundedLayer {
  const { name, revision = null, problemsOmitted, unreachable = null } = message;
  const problems = message.problems.map(
    ({ source, line = null, column = null, path, found, expected, hint = null }) => {
      return { source, line, column, path, found, expected, hint };
    },
  );
  return { name, revision, problems, problemsOmitted, unreachable };
}

function encodeEndpoint(endpoint: EndpointView): Message {
  const { id, host, port, weight, health, breaker, trips, active, latencyMs, pool, isRemoved } = endpoint;
  const { role, lagMs, position, ejection, check } = endpoint;
  return {
    id,
    host,
    port,
    weight,
    health: `HEALTH_${health.toUpperCase()}`,
    breaker: { state: `BREAKER_STATE_${breaker.toUpperCase()}`, trips },
    active,
    latencyMs,
    pool,
    removed: isRemoved,
    role,
    lagMs,
    position,
    ejection,
    check: check === null ? null : { ...check, state: `CHECK_STATE_${check.state.toUpperCase()}` },
  };
}

function decodeCheck(message: CheckMessage): CheckView {
  const { state, last = null, ageMs = null } = message;
  return { state: word(state, 'CHECK_STATE_') as CheckView['state'], last, ageMs };
}

function decodeEndpoint(message: EndpointMessage): EndpointView {
  const { id, host, port, weight, health, breaker, active, latencyMs = null, pool, removed } = message;
  const { role = null, lagMs = null, position = null, ejection = null, check = null } = message;
  return {
    id,
    host,
    port,
    weight,
    health: word(health, 'HEALTH_') as EndpointView['health'],
    breaker: word(breaker?.state ?? '', 'BREAKER_STATE_') as BreakerView,
    trips: breaker?.trips ?? 0,
    active,
    latencyMs,
    pool: decodePool(pool),
    isRemoved: removed,
    role,
    lagMs,
    position,
    ejection,
    check: check === null ? null : decodeCheck(check),
  };
}

function decodePool(pool: PoolMessage | null): PoolView {
  const { open = 0, idle = 0, idleTimeoutMs = null, idleTimeoutFrom = null } = pool ?? {};
  return { open, idle, idleTimeoutMs, idleTimeoutFrom };
}

/**
 * A newer sidecar may send a word this program does not know: it comes as a number or a name, and is shown as it is.
 */
function word(name: string | number, prefix: string): string {
  return String(name).replace(prefix, '').toLowerCase();
}

interface StatusMessage {
  readonly version: string;
  readonly service: { readonly name: string; readonly id: string } | null;
  readonly uptimeMs: number;
  readonly state: string;
  readonly waitingFor: readonly string[];
  readonly listeners: StatusReport['listeners'];
  readonly configLayers: readonly LayerMessage[];
  readonly registration: StandingMessage | null;
  readonly application: StandingMessage | null;
  readonly overload: readonly {
    readonly resource: string;
    readonly percent: number;
    readonly enforced: boolean;
  }[];
}

interface ThrottledMessage {
  readonly percent: number;
  readonly enforced: boolean;
}

interface StandingMessage {
  readonly problem?: string;
}

interface LayerMessage {
  readonly name: string;
  readonly revision?: string;
  readonly problems: readonly {
    readonly source: string;
    readonly line?: number;
    readonly column?: number;
    readonly path: string;
    readonly found: string;
    readonly expected: string;
    readonly hint?: string;
  }[];
  readonly problemsOmitted: number;
  readonly unreachable?: string;
}

interface ClustersMessage {
  readonly clusters: readonly {
    readonly name: string;
    readonly inbound: boolean;
    readonly protocol?: string;
    readonly source?: string;
    readonly ageMs?: number;
    readonly problem?: string;
    readonly balancer: string;
    readonly fingerprint?: string;
    readonly capacity?: CapacityMessage | null;
    readonly throttled?: ThrottledMessage | null;
    readonly places: readonly PlaceMessage[];
    readonly placesOmitted: number;
    readonly endpoints: readonly EndpointMessage[];
    readonly endpointsOmitted: number;
    readonly ejections: readonly EjectionEventMessage[];
    readonly faults: readonly string[];
  }[];
}

interface CapacityMessage extends Omit<CapacityView, 'adaptive'> {
  readonly adaptive?: {
    readonly limit: number;
    readonly gradient: number;
    readonly enforced: boolean;
    readonly refusals: number;
  } | null;
}

interface PlaceMessage {
  readonly level: number;
  readonly name?: string;
  readonly zone?: string;
  readonly healthy: number;
  readonly total: number;
  readonly share: number;
  readonly panic: boolean;
}

interface PoolMessage {
  readonly open: number;
  readonly idle: number;
  readonly idleTimeoutMs?: number | null;
  readonly idleTimeoutFrom?: string | null;
}

interface EndpointMessage {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly health: string | number;
  readonly breaker: { readonly state: string | number; readonly trips: number } | null;
  readonly active: number;
  readonly latencyMs?: number;
  readonly pool: PoolMessage | null;
  readonly removed: boolean;
  readonly role?: string | null;
  readonly lagMs?: number | null;
  readonly position?: number | null;
  readonly ejection?: EjectionView | null;
  readonly check?: CheckMessage | null;
}

interface CheckMessage {
  readonly state: string | number;
  readonly last?: string | null;
  readonly ageMs?: number | null;
}
