import type { CheckView, ClusterView, EndpointView, ListenerView, PressureView } from '../admin/agent-view.ts';
import type { Watch } from '../base/watch.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { isInside } from '../cluster/lens.ts';
import { linearConcern } from '../cluster/linear.ts';
import type { LiveEndpoint } from '../cluster/live-endpoint.ts';
import { knownLag } from '../cluster/pickers/fresh-replicas.ts';
import type { ClusterSnapshot } from '../cluster/snapshot.ts';
import { type OverloadGuard, RESOURCES } from '../policy/overload-guard.ts';
import type { Throttle } from '../policy/throttle.ts';
import type { Plan } from '../proxy/plan.ts';
import { ejectionEventView, ejectionView } from './ejection-view.ts';
import type { Entry } from './entry.ts';
import { poolView } from './pools.ts';
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
  throttle: Throttle | null = null,
): Omit<ClusterView, 'capacity'> {
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
    throttled: throttle === null ? null : throttledView(throttle, now),
    // Alone it says nothing but the upstream's name, and its endpoints may have levels of their own.
    places: cluster.places.map((place) => ({
      ...place,
      name: levelNames.length < 2 ? null : (levelNames[place.level] ?? null),
    })),
    endpoints: [...cluster.endpoints].map((endpoint) => endpointView(endpoint, now)),
    ejections: cluster.ejector.journal.events.map((event) => ejectionEventView(event, now)),
    faults: plan.faults.inForce(now).map(({ options, active }) => `${faultWords(options)}, ${active} under it now`),
  };
}

function throttledView(throttle: Throttle, now: number): ClusterView['throttled'] {
  const percent = Math.round(100 * throttle.ratio(now));
  return percent === 0 ? null : { percent, isEnforced: throttle.options.mode === 'enforce' };
}

/** Only what there is pressure on. */
export function overloadView({ pressures }: OverloadGuard): readonly PressureView[] {
  return RESOURCES.filter((resource) => pressures[resource].isOn).map((resource) => {
    const { level, options } = pressures[resource];
    return { resource, percent: Math.round(100 * level), isEnforced: options.mode === 'enforce' };
  });
}

function doubtOf({ criticalParts, isPanic, hashing, options, size, emptyParts, endpoints }: Cluster): string | null {
  // Where nobody is known at all there is no more to say than that.
  if (size > 0 && emptyParts.length > 0) return emptyWords(emptyParts);
  if (criticalParts.length > 0)
    return criticalDoubt(
      criticalParts,
      [...endpoints].some(({ isProbedDown }) => isProbedDown),
    );
  if (isPanic) return PANIC;
  return hashing?.advice ?? linearConcern(options.balancer, size);
}

/** The parts of a cluster are named unless it is the whole that is meant. */
function criticalDoubt(parts: readonly string[], isChecked: boolean): string {
  const whose = parts.includes('') ? '' : `of ${listed(parts)} `;
  return `all endpoints ${whose}are critical${isChecked ? ', or down by our checks' : ''}; they are used all the same`;
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
    pool: poolView(endpoint),
    isRemoved,
    role: spec.role,
    lagMs: knownLag(endpoint, now),
    position: freshness.position < 0 ? null : freshness.position,
    ejection: ejectionView(endpoint.watcher.ejection, now),
    check: checkView(endpoint, now),
  };
}

function checkView({ check }: LiveEndpoint, now: number): CheckView | null {
  if (check === null) return null;
  const { standing, last } = check;
  const { state } = standing;
  if (last === null) return { state, last: null, ageMs: null };
  return { state, last: last.verdict.why, ageMs: Math.max(0, Math.round(now - last.at)) };
}
