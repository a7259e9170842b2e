import type { AgentView, BreakerView, EndpointView } from './agent-view.ts';
import { type BoundedCluster, type BoundedLayer, boundEndpoints, boundProblems } from './bounds.ts';
import type { StatusReport } from './report.ts';
import type { Message } from './wire.ts';

/** The views of admin as the messages of `admin.proto`, and back. Null is an absent field, both ways. */
export function encodeStatus(view: AgentView): Message {
  const { version, service, uptimeMs } = view.identity();
  const { isReady, isDraining, waitingFor } = view.readiness();
  const { registration, application } = view.standing();
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
  };
}

/** `names` empty: all of them. */
export function encodeClusters(view: AgentView, names: readonly string[]): Message {
  const clusters = view.clusters().filter((cluster) => names.length === 0 || names.includes(cluster.name));
  return {
    clusters: boundEndpoints(clusters).map((cluster) => ({
      ...cluster,
      inbound: cluster.isInbound,
      places: cluster.places.map(({ isPanic, ...place }) => ({ ...place, panic: isPanic })),
      endpoints: cluster.endpoints.map(encodeEndpoint),
    })),
  };
}

export function decodeStatus(message: Message): StatusReport {
  const { version, service, uptimeMs, state, waitingFor, listeners, configLayers } = message as StatusMessage;
  const { registration, application } = message as StatusMessage;
  return {
    identity: { version, service: service ?? { name: '', id: '' }, uptimeMs },
    readiness: { isReady: state === 'STATE_SERVING', isDraining: state === 'STATE_DRAINING', waitingFor },
    standing: { registration: decodeStanding(registration), application: decodeStanding(application) },
    listeners,
    layers: configLayers.map(decodeLayer),
  };
}

function decodeStanding(message: StandingMessage | null): { readonly problem: string | null } | null {
  return message === null ? null : { problem: message.problem ?? null };
}

export function decodeClusters(message: Message): readonly BoundedCluster[] {
  return (message as ClustersMessage).clusters.map(
    ({ name, inbound: isInbound, protocol = null, source = null, ageMs = null, problem = null, ...rest }) => {
      const { balancer, fingerprint = null, places, placesOmitted, endpoints, endpointsOmitted, faults } = rest;
      return {
        name,
        isInbound,
        protocol,
        source,
        ageMs,
        problem,
        balancer,
        fingerprint,
        places: places.map(({ name: target = null, zone = null, panic: isPanic, ...place }) => {
          return { ...place, name: target, zone, isPanic };
        }),
        placesOmitted,
        endpoints: endpoints.map(decodeEndpoint),
        endpointsOmitted,
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
  const { role, lagMs, position } = endpoint;
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
  };
}

function decodeEndpoint(message: EndpointMessage): EndpointView {
  const { id, host, port, weight, health, breaker, active, latencyMs = null, pool, removed } = message;
  const { role = null, lagMs = null, position = null } = message;
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
    pool: pool ?? { open: 0, idle: 0 },
    isRemoved: removed,
    role,
    lagMs,
    position,
  };
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
    readonly places: readonly PlaceMessage[];
    readonly placesOmitted: number;
    readonly endpoints: readonly EndpointMessage[];
    readonly endpointsOmitted: number;
    readonly faults: readonly string[];
  }[];
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

interface EndpointMessage {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  readonly health: string | number;
  readonly breaker: { readonly state: string | number; readonly trips: number } | null;
  readonly active: number;
  readonly latencyMs?: number;
  readonly pool: EndpointView['pool'] | null;
  readonly removed: boolean;
  readonly role?: string | null;
  readonly lagMs?: number | null;
  readonly position?: number | null;
}
