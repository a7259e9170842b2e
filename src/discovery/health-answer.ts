import { lagInText } from '../cluster/lag.ts';
import { type Role, type RoleRule, roleInText } from '../cluster/role.ts';
import type { EndpointSpec, Health } from '../cluster/snapshot.ts';
import type { AclResource } from './consul-api.ts';
import { ConsulError } from './consul-error.ts';

type Json = Readonly<Record<string, unknown>>;

const MAX_WEIGHT = 65_535;
/** So many instances that cannot be used are named; of the others it is enough to know that there are more. */
const MAX_SKIPPED = 3;
const BEST_FIRST: readonly Health[] = ['passing', 'warning', 'maintenance', 'critical'];

export interface DecodedHealth {
  readonly endpoints: readonly EndpointSpec[];
  readonly skipped: readonly string[];
  readonly resources: readonly AclResource[];
}

/**
 * Consul's health answer as endpoints.
 *
 * Asked without `passing`, so that warning instances take part with their own weight and critical ones stay listed:
 * an instance that is listed as critical was taken out by somebody, one that is not listed may have been lost. The
 * aggregate is the worst of the node's checks and the service's own, as Consul's Envoy mapping has it, except that
 * maintenance is told apart from failure because it asks for a drain.
 *
 * Lenient where Consul is (null maps and lists, absent weights), strict where a wrong type can only mean that somebody
 * else answered: then the whole answer is refused and the last good one stands. Consul does take a port that is none,
 * though, and one careless registration must not silence the other instances: it is skipped by name.
 *
 * Of the outputs of checks, which change with every look, nothing is kept but the role and the lag that `roles` finds
 * in them.
 */
export function decodeHealth(body: unknown, roles: RoleRule | null = null): DecodedHealth {
  if (!Array.isArray(body)) throw new ConsulError(`health answer: expected a list, got ${kindOf(body)}`);
  const byId = new Map<string, EndpointSpec>();
  const resources = new Map<string, AclResource>();
  const skipped: string[] = [];
  let skips = 0;
  const skip = (what: string): void => {
    skips += 1;
    if (skips <= MAX_SKIPPED) skipped.push(what);
    else skipped[MAX_SKIPPED] = `${skips - MAX_SKIPPED} more`;
  };
  body.forEach((entry: unknown, i) => {
    const spec = decodeEntry(entry, `health answer[${i}]`, skip, roles);
    for (const resource of resourcesOf(entry)) resources.set(`${resource.kind} ${resource.name}`, resource);
    if (spec === null) return;
    // The same id twice is one process seen through two nodes, of which one may be long gone.
    const known = byId.get(spec.id);
    if (known === undefined || isBetter(spec.health, known.health)) byId.set(spec.id, spec);
  });
  const endpoints = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { endpoints, skipped, resources: [...resources.values()] };
}

function isBetter(a: Health, b: Health): boolean {
  return BEST_FIRST.indexOf(a) < BEST_FIRST.indexOf(b);
}

function* resourcesOf(entry: unknown): Generator<AclResource> {
  const { Node, Service } = entry as { readonly Node?: Json | null; readonly Service: Json };
  const [service, node] = [Service['Service'], Node?.['Node']];
  if (typeof service === 'string' && service !== '') yield { kind: 'service', name: service };
  if (typeof node === 'string' && node !== '') yield { kind: 'node', name: node };
}

function decodeEntry(
  entry: unknown,
  path: string,
  skip: (what: string) => void,
  roles: RoleRule | null,
): EndpointSpec | null {
  const { Node, Service, Checks } = record(entry, path);
  const node = record(Node ?? {}, `${path}.Node`);
  const service = record(Service, `${path}.Service`);
  const serviceId = text(service['ID'], `${path}.Service.ID`);
  const host =
    text(service['Address'] ?? '', `${path}.Service.Address`) || text(node['Address'] ?? '', `${path}.Node.Address`);
  const port = service['Port'] ?? 0;
  if (typeof port !== 'number' || !Number.isInteger(port)) {
    throw new ConsulError(`${path}.Service.Port: expected a port, got ${kindOf(port)}`);
  }
  if (port < 0 || port > 65_535) {
    skip(`"${serviceId.slice(0, 64)}" has port ${port}`);
    return null;
  }
  // A service without a port (or with named ports only) has nothing a proxy could connect to.
  if (port === 0 || host === '') return null;

  const weights = record(service['Weights'] ?? {}, `${path}.Service.Weights`);
  const stated = healthOf(Checks ?? [], `${path}.Checks`);
  const weight = Math.floor(number(weights[stated === 'warning' ? 'Warning' : 'Passing'] ?? 1));
  const isWithdrawn = weight < 1 && (stated === 'passing' || stated === 'warning');
  return {
    id: `${host}:${port}/${serviceId}`,
    host,
    port,
    weight: Math.min(MAX_WEIGHT, Math.max(1, weight)),
    health: isWithdrawn ? 'critical' : stated,
    tags: strings(service['Tags']),
    meta: stringMap(service['Meta']),
    zone: zoneOf(service, node),
    priority: 0,
    role: roles?.from.kind === 'check' ? roleOf(Checks, roles.from.name, roles) : null,
    ...(roles?.lag?.kind === 'check' ? lagOf(Checks, roles.lag.name) : {}),
  };
}

function healthOf(checks: unknown, path: string): Health {
  if (!Array.isArray(checks)) throw new ConsulError(`${path}: expected a list, got ${kindOf(checks)}`);
  let worst: Health = 'passing';
  checks.forEach((entry: unknown, i) => {
    const check = record(entry, `${path}[${i}]`);
    const id = typeof check['CheckID'] === 'string' ? check['CheckID'] : '';
    const status = text(check['Status'] ?? '', `${path}[${i}].Status`);
    if (id === '_node_maintenance' || id.startsWith('_service_maintenance:')) worst = 'maintenance';
    else if (status === 'critical' && worst !== 'maintenance') worst = 'critical';
    else if (status === 'warning' && worst === 'passing') worst = 'warning';
  });
  return worst;
}

/** Said by the check with this name or id; `healthOf` has seen that they are checks. */
function roleOf(checks: unknown, name: string, rule: RoleRule): Role | null {
  const output = outputOf(checks, name);
  return output === null ? null : roleInText(output, rule);
}

function lagOf(checks: unknown, name: string): Pick<EndpointSpec, 'lagMs'> {
  const output = outputOf(checks, name);
  const lagMs = output === null ? null : lagInText(output);
  return lagMs === null ? {} : { lagMs };
}

function outputOf(checks: unknown, name: string): string | null {
  const list = (checks ?? []) as readonly Json[];
  const check = list.find(({ CheckID, Name }) => CheckID === name || Name === name);
  const output = check?.['Output'];
  return typeof output === 'string' ? output : null;
}

function zoneOf(service: Json, node: Json): string | null {
  return said(service['Locality'], 'Zone') ?? said(service['Meta'], 'zone') ?? said(node['Meta'], 'zone');
}

function said(value: unknown, key: string): string | null {
  const found = isRecord(value) ? value[key] : null;
  return typeof found === 'string' && found !== '' ? found : null;
}

function record(value: unknown, path: string): Json {
  if (!isRecord(value)) throw new ConsulError(`${path}: expected an object, got ${kindOf(value)}`);
  return value;
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new ConsulError(`${path}: expected a string, got ${kindOf(value)}`);
  return value;
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 1;
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function stringMap(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  const pairs = Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : (JSON.stringify(value)?.slice(0, 40) ?? typeof value);
}
