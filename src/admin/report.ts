import { formatProblem } from '../config/problems.ts';
import type {
  CapacityView,
  CheckView,
  EndpointView,
  IdentityView,
  ListenerView,
  PoolView,
  ReadinessView,
  StandingView,
} from './agent-view.ts';
import { hostPort } from './bound-address.ts';
import type { BoundedCluster, BoundedLayer } from './bounds.ts';
import { ejectionWords } from './ejection-view.ts';
import { durationWords, printable, textTable } from './text-table.ts';

/** What `Admin.Status` says: the sidecar without its clusters. */
export interface StatusReport {
  readonly identity: IdentityView;
  readonly readiness: ReadinessView;
  readonly standing: StandingView;
  readonly listeners: readonly ListenerView[];
  readonly layers: readonly BoundedLayer[];
}

const NONE = '-';

/** The sidecar on a page, for people: what it is, what is wrong with it, then its tables. */
export function statusText(status: StatusReport): string {
  const { service, version, uptimeMs } = status.identity;
  const name = service.id === service.name ? service.name : `${service.name} (${service.id})`;
  const lines = [printable(`service ${name}: ${stateWords(status)}`)];
  for (const missing of status.readiness.waitingFor) lines.push(printable(`  waiting for ${missing}`));
  lines.push(...standingLines(status.standing).map(printable));
  lines.push(printable(`remora ${version}, up ${durationWords(uptimeMs)}`));
  return `${lines.join('\n')}\n${layersText(status.layers)}\n${listenersText(status.listeners)}`;
}

export function listenersText(listeners: readonly ListenerView[]): string {
  const head = ['LISTENER', 'PROTOCOL', 'ADDRESS', 'CONNECTIONS'];
  return textTable(
    [head, ...listeners.map((one) => [one.name, one.protocol, boundWords(one), String(one.connections)])],
    '',
  );
}

/**
 * Before all else: whoever looks at a sidecar that misbehaves must learn first that it was told to. Empty without
 * faults.
 */
export function faultsText(clusters: readonly BoundedCluster[]): string {
  const lines = clusters.flatMap(({ name, isInbound, faults }) =>
    faults.map((fault) => printable(`  ${isInbound ? 'inbound' : `upstream ${name}`}: ${fault}`)),
  );
  return lines.length === 0 ? '' : `!!! FAULTS ARE INJECTED ON PURPOSE !!!\n${lines.join('\n')}\n`;
}

export function clustersText(clusters: readonly BoundedCluster[]): string {
  if (clusters.length === 0) return 'no clusters\n';
  return clusters.map(clusterText).join('\n');
}

/** Is there nothing that keeps callers of a ready sidecar away? */
export function isWell({ registration, application }: StandingView): boolean {
  return (registration?.problem ?? application?.problem ?? null) === null;
}

function stateWords({ readiness, standing }: StatusReport): string {
  if (readiness.isDraining) return 'draining';
  if (!readiness.isReady) return 'not ready';
  return isWell(standing) ? 'ready' : 'ready, but callers are kept away';
}

function standingLines({ registration, application, overload }: StandingView): readonly string[] {
  const lines: string[] = [];
  if (registration !== null) lines.push(`  registration in Consul: ${registration.problem ?? 'done'}`);
  if (application !== null) lines.push(`  application: ${application.problem ?? 'up'}`);
  for (const { resource, percent, isEnforced } of overload) {
    lines.push(`  overload: ${resource} at ${percent} % of its bound, ${isEnforced ? 'enforced' : 'observed'}`);
  }
  return lines;
}

/** Layers that are no document, but what keeps one from taking effect. */
const HEADINGS: Readonly<Record<string, string>> = {
  restart: 'the new config is not wholly in force: restart remora to take it',
  listeners: 'ports could not be opened',
};

function layersText(layers: readonly BoundedLayer[]): string {
  const lines: string[] = [];
  for (const layer of layers) {
    // Told above, with the application's state, in a line of its own.
    if (layer.name === 'registration') continue;
    const held = layer.revision === null ? 'nothing of it in force' : `revision ${layer.revision} in force`;
    if (layer.problems.length > 0) lines.push(HEADINGS[layer.name] ?? `config ${layer.name} is refused, ${held}`);
    for (const problem of layer.problems) lines.push(`  ${formatProblem(problem)}`);
    if (layer.problemsOmitted > 0) lines.push(`  and ${layer.problemsOmitted} more`);
    if (layer.unreachable !== null)
      lines.push(`config ${layer.name} cannot be asked for, ${held}: ${layer.unreachable}`);
  }
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function boundWords(listener: ListenerView): string {
  return listener.port === 0 ? 'not bound' : hostPort(listener);
}

function clusterText(cluster: BoundedCluster): string {
  const age =
    cluster.ageMs === null ? 'nothing discovered yet' : `${cluster.source} ${durationWords(cluster.ageMs)} ago`;
  const spoken = cluster.protocol === null ? [] : [cluster.protocol];
  const lines = [
    `${cluster.isInbound ? 'application' : 'upstream'} ${cluster.name}: ${[...spoken, balancerWords(cluster), age].join(', ')}`,
  ];
  for (const fault of cluster.faults) lines.push(`  FAULT INJECTED: ${fault}`);
  if (cluster.problem !== null) lines.push(`  problem: ${cluster.problem}`);
  if (cluster.capacity !== null) lines.push(...capacityLines(cluster.capacity));
  if (cluster.throttled !== null) {
    const { percent, isEnforced } = cluster.throttled;
    lines.push(`  throttled: ${percent} % of requests ${isEnforced ? 'are' : 'would be'} held back`);
  }
  lines.push(...placeLines(cluster));
  const total = cluster.endpoints.length + cluster.endpointsOmitted;
  if (total === 0) lines.push('  no endpoints');
  const head = lines.map((line) => `${printable(line)}\n`).join('');
  if (total === 0) return head;
  const rows = textTable([ENDPOINT_HEAD, ...cluster.endpoints.map(endpointRow)], '  ');
  return (
    head +
    rows +
    ejectionLines(cluster) +
    (cluster.endpointsOmitted > 0 ? `  and ${cluster.endpointsOmitted} more\n` : '')
  );
}

function balancerWords({ balancer, fingerprint }: BoundedCluster): string {
  return fingerprint === null ? balancer : `${balancer} ${fingerprint}`;
}

/** Nothing while there is room for everybody, and nobody was turned away for want of it. */
function capacityLines(capacity: CapacityView): readonly string[] {
  const { inFlight, maxRequests, connections, maxConnections, pending, adaptive } = capacity;
  const lines: string[] = [];
  if (pending > 0 || inFlight >= maxRequests || connections >= maxConnections) {
    const words = `${inFlight} of ${maxRequests} in flight, ${pending} wait`;
    lines.push(`  full: ${words}, ${connections} of ${maxConnections} connections`);
  }
  if (adaptive !== null && (adaptive.refusals > 0 || adaptive.isEnforced)) {
    const { limit, gradient, isEnforced, refusals } = adaptive;
    const verb = isEnforced ? 'refused' : 'only observed, would have refused';
    lines.push(`  learned limit ${limit}: ${inFlight} in flight, gradient ${gradient}, ${verb} ${refusals} times`);
  }
  return lines;
}

/** Nothing where all endpoints are in one place: that is told by the endpoints themselves. */
function placeLines({ places, placesOmitted }: BoundedCluster): readonly string[] {
  if (places.length < 2 && !places.some(({ isPanic }) => isPanic)) return [];
  const lines = places.map(({ level, name, zone, healthy, total, share, isPanic }) => {
    const what = `  level ${level}${name === null ? '' : ` ${name}`}${zone === null ? '' : `, zone ${zone}`}`;
    return `${what}: ${healthy} of ${total} healthy, ${share} % of traffic${isPanic ? ', in panic' : ''}`;
  });
  return placesOmitted > 0 ? [...lines, `  and ${placesOmitted} places more`] : lines;
}

const ENDPOINT_HEAD = ['ENDPOINT', 'HEALTH', 'WEIGHT', 'BREAKER', 'ACTIVE', 'LATENCY', 'CONNECTIONS'];

function endpointRow(endpoint: EndpointView): readonly string[] {
  return [
    endpoint.id,
    healthWords(endpoint),
    String(endpoint.weight),
    breakerWords(endpoint),
    String(endpoint.active),
    endpoint.latencyMs === null ? NONE : latencyWords(endpoint.latencyMs),
    poolWords(endpoint.pool),
  ];
}

function checkWords(check: CheckView | null): string | null {
  if (check === null) return null;
  if (check.last === null || check.ageMs === null) return 'not checked yet';
  return check.state === 'up' && check.last === 'passed'
    ? 'check passed'
    : `checked ${check.state}: ${check.last} ${durationWords(check.ageMs)} ago`;
}

function healthWords({ isRemoved, health, role, lagMs, check }: EndpointView): string {
  const words = [
    isRemoved ? 'removed' : health,
    checkWords(check),
    role,
    lagMs === null ? null : `${latencyWords(lagMs)} late`,
  ];
  return words.filter((word) => word !== null).join(', ');
}

function breakerWords({ breaker, trips }: EndpointView): string {
  if (trips === 0) return breaker;
  return `${breaker}, ${trips} ${trips === 1 ? 'trip' : 'trips'}`;
}

/** How long connections may wait is told where it is not as configured. */
function poolWords({ open, idle, idleTimeoutMs, idleTimeoutFrom }: PoolView): string {
  const isOwn = idleTimeoutMs === null || idleTimeoutFrom === null || idleTimeoutFrom === 'configured';
  return `${open}, ${idle} idle${isOwn ? '' : ` (${durationWords(idleTimeoutMs)}, ${idleTimeoutFrom})`}`;
}

/** Who is left out, in a line of its own: why takes more than a column. */
function ejectionLines({ endpoints }: BoundedCluster): string {
  return endpoints
    .flatMap(({ id, ejection }) =>
      ejection === null ? [] : [`  ejected ${id}: ${ejectionWords(ejection, durationWords(ejection.leftMs))}`],
    )
    .map((line) => `${printable(line)}\n`)
    .join('');
}

function latencyWords(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)}ms` : durationWords(ms);
}
