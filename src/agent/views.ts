import type { ClusterView, EndpointView, ListenerView } from '../admin/agent-view.ts';
import type { Watch } from '../base/watch.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { isInside } from '../cluster/lens.ts';
import { linearConcern } from '../cluster/linear.ts';
import type { LiveEndpoint } from '../cluster/live-endpoint.ts';
import { knownLag } from '../cluster/pickers/fresh-replicas.ts';
import type { ClusterSnapshot } from '../cluster/snapshot.ts';
import type { Connector } from '../http/conduit.ts';
import { Http2Pool } from '../net/http2-pool.ts';
import { Pool } from '../net/pool.ts';
import { AutoConnector, type CountedConnector } from '../net/protocol-connector.ts';
import type { Plan } from '../proxy/plan.ts';
import { type Sample, sample } from '../telemetry/registry.ts';
import type { Entry } from './entry.ts';
import { faultWords } from './relief.ts';

const PANIC = 'panic: so few endpoints of a level are healthy that all but those in maintenance are used';

/** So many parts are named in a line that is to be read; `/shards` has all of them. */
const MAX_NAMED = 3;

/** The program as operators see it: plain data, made at the moment it is asked for. */

export function listenerView({ listenerName, protocol, address, port, openCount }: Entry): ListenerView {
  return { name: listenerName, protocol, address, port, connections: openCount };
}

/** What an upstream and the local application have in common. */
export interface Shown {
  readonly cluster: Cluster;
  readonly discovery: Watch<ClusterSnapshot>;
  /** As configured. */
  readonly protocol: string;
  /** What the endpoints of each level are; empty where levels have no names. */
  readonly levelNames: readonly string[];
  readonly plan: Pick<Plan, 'faults'>;
}

export function clusterView(
  { cluster, discovery, protocol, levelNames, plan }: Shown,
  isInbound: boolean,
  now: number,
): ClusterView {
  const { name, snapshot, options, hashing } = cluster;
  return {
    name,
    isInbound,
    protocol,
    source: snapshot?.source ?? null,
    ageMs: snapshot === null ? null : Math.max(0, Math.round(now - discovery.freshAt)),
    problem: discovery.problem ?? doubtOf(cluster),
    balancer: options.balancer.name,
    fingerprint: hashing?.fingerprint ?? null,
    // Alone it says nothing but the upstream's name, and its endpoints may have levels of their own.
    places: cluster.places.map((place) => ({
      ...place,
      name: levelNames.length < 2 ? null : (levelNames[place.level] ?? null),
    })),
    endpoints: [...cluster.endpoints].map((endpoint) => endpointView(endpoint, now)),
    faults: plan.faults.inForce(now).map(({ options, active }) => `${faultWords(options)}, ${active} under it now`),
  };
}

function doubtOf({ criticalParts, isPanic, hashing, options, size, emptyParts }: Cluster): string | null {
  // Where nobody is known at all there is no more to say than that.
  if (size > 0 && emptyParts.length > 0) return emptyWords(emptyParts);
  if (criticalParts.length > 0) return criticalDoubt(criticalParts);
  if (isPanic) return PANIC;
  return hashing?.advice ?? linearConcern(options.balancer, size);
}

/** The parts of a cluster are named unless it is the whole that is meant. */
function criticalDoubt(parts: readonly string[]): string {
  return `all endpoints ${parts.includes('') ? '' : `of ${listed(parts)} `}are critical; they are used all the same`;
}

/** A shard that is empty is so in all of its roles, which need not be said of each. */
function emptyWords(keys: readonly string[]): string {
  const outermost = keys.filter((key) => !keys.some((other) => isInside(key, other)));
  return `no usable endpoint of ${listed(outermost)}`;
}

function listed(keys: readonly string[]): string {
  const more = keys.length - MAX_NAMED;
  return `${keys.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function endpointView(endpoint: LiveEndpoint, now: number): EndpointView {
  const { id, spec, gate, active, isRemoved, freshness } = endpoint;
  return {
    id,
    host: spec.host,
    port: spec.port,
    weight: spec.weight,
    health: spec.health,
    breaker: gate.state,
    trips: gate.trips,
    active,
    latencyMs: endpoint.hasAnswered ? Math.round(endpoint.expectedMs(now) * 1000) / 1000 : null,
    pool: poolOf(endpoint),
    isRemoved,
    role: spec.role,
    lagMs: knownLag(endpoint, now),
    position: freshness.position < 0 ? null : freshness.position,
  };
}

function poolOf({ connector }: LiveEndpoint): { readonly open: number; readonly idle: number } {
  return isCounted(connector) ? { open: connector.openCount, idle: connector.idleCount } : { open: 0, idle: 0 };
}

function isCounted(connector: Connector): connector is CountedConnector {
  return connector instanceof Pool || connector instanceof Http2Pool || connector instanceof AutoConnector;
}

/** How many connections a cluster has to its endpoints. */
export function* poolSamples(cluster: Cluster): Generator<Sample> {
  let open = 0;
  let idle = 0;
  for (const endpoint of cluster.endpoints) {
    const pool = poolOf(endpoint);
    open += pool.open;
    idle += pool.idle;
  }
  yield sample('remora_upstream_connections', [cluster.name, 'active'], open - idle);
  yield sample('remora_upstream_connections', [cluster.name, 'idle'], idle);
}
