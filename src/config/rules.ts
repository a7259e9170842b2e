import { capacityRules } from './capacity-rules.ts';
import { connectionRules } from './connections.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import { overloadRules, rateLimitRules } from './door-rules.ts';
import { ejectionRules } from './ejection-rules.ts';
import { reliefRules } from './fault-rules.ts';
import { hashRules } from './hash-rules.ts';
import { hashingRules } from './hashing-rules.ts';
import { healthCheckRules } from './health-check-rules.ts';
import { hedgeRules } from './hedge-rules.ts';
import { idleFaults, idleRules } from './idle-rules.ts';
import { isMap } from './layers.ts';
import { listenerConflicts } from './listener-rules.ts';
import { nearest } from './nearest.ts';
import type { Path } from './paths.ts';
import { valueAt } from './paths.ts';
import { placeConflicts, servicesOf } from './place-rules.ts';
import { retryConflicts } from './retry-rules.ts';
import { roleConflicts } from './role-rules.ts';
import { routeRules } from './route-rules.ts';
import type { Written } from './schema.ts';
import { shardRules } from './shard-rules.ts';
import { timeoutBounds } from './timeout-rules.ts';
import { formatDuration, formatSize } from './units.ts';
import { weightRules } from './weight-rules.ts';

type WrittenUpstream = Written['upstreams'][string];

/**
 * What values must not say together. Each is refused and none merely warned about: a warning is read by nobody, and
 * one of the two values is not what its writer thinks it is.
 */
export function contradictions(config: Written, merged: unknown): Contradiction[] {
  return [
    ...listenerConflicts(config, merged),
    ...Object.entries(config.upstreams).flatMap(([name, upstream]) => [
      ...sourceOf(config, name, upstream),
      ...hashRules(name, upstream, merged),
      ...weightRules(['upstreams', name], upstream, merged),
      ...hashingRules(name, upstream),
      ...shardRules(['upstreams', name], upstream),
      ...connectionRules(['upstreams', name], upstream),
      ...healthCheckRules(['upstreams', name], upstream, merged),
      ...roleConflicts(config, name),
      ...rateLimitRules(['upstreams', name], upstream),
      ...boundsOf(['upstreams', name], upstream, merged),
      ...ejectionRules(['upstreams', name], upstream),
      ...hedgeRules(['upstreams', name], upstream),
      ...retryConflicts(['upstreams', name], upstream),
      ...capacityRules(['upstreams', name], upstream, merged),
      ...idleRules(['upstreams', name], upstream),
      ...portOf(name, upstream),
      ...placeConflicts(config, name, upstream),
    ]),
    ...(config.inbound === null ? [] : timeoutBounds(['inbound', 'timeouts'], merged, config.inbound.timeouts)),
    ...(config.inbound === null ? [] : capacityRules(['inbound'], config.inbound, merged)),
    ...(config.inbound === null ? [] : rateLimitRules(['inbound'], config.inbound)),
    ...(config.inbound === null ? [] : idleFaults(['inbound'], config.inbound)),
    ...overloadRules(config),
    ...staticEndpoints(config, merged),
    ...applicationProtocol(config),
    ...windowBounds(config),
    ...consulRules(config),
    ...needsConsul(config),
    ...shutdownBounds(config),
    ...reliefRules(config),
    ...routeRules(config, merged),
  ];
}

/** An upstream lives from the file or from Consul; without either nobody knows where it is. */
function sourceOf(config: Written, name: string, upstream: WrittenUpstream): Contradiction[] {
  const service = upstream.service ?? name;
  if (Object.hasOwn(config.static, service)) {
    const asked = (['datacenter', 'filter'] as const).filter((key) => upstream[key] !== null);
    return asked.map((key) =>
      contradiction(
        ['upstreams', name, key],
        `${key} for a service that is static`,
        `no ${key}, which only Consul understands`,
        null,
        [['static', service]],
      ),
    );
  }
  if (config.consul !== null) return [];
  const meant = nearest(service, Object.keys(config.static));
  const hint = meant === null ? 'add consul: {} or set CONSUL_HTTP_ADDR' : `did you mean static ${meant}?`;
  const expected = `endpoints under static.${service}, or consul`;
  return [
    contradiction(
      ['upstreams', name],
      'no source of endpoints',
      expected,
      hint,
      [['static', service], ['consul']],
      'key',
    ),
  ];
}

/** Opaque bytes are passed on as they come, so nothing is spoken to the application. */
function applicationProtocol({ service, inbound }: Written): Contradiction[] {
  if (service.protocol === 'auto' || inbound?.protocol !== 'tcp') return [];
  const found = `${service.protocol} behind a port for tcp`;
  const expected = 'inbound.protocol http, grpc or auto, or no protocol here';
  return [contradiction(['service', 'protocol'], found, expected, null, [['inbound', 'protocol']])];
}

/** Every stream's bytes are the connection's too. */
function windowBounds({ http2 }: Written): Contradiction[] {
  const { maxStreamWindow, maxConnectionWindow } = http2;
  return ordered(
    ['http2'],
    ['maxStreamWindow', maxStreamWindow],
    ['maxConnectionWindow', maxConnectionWindow],
    formatSize,
  );
}

/** Connections without HTTP carry no Host to route by. */
function portOf(name: string, { protocol, port, roles }: WrittenUpstream): Contradiction[] {
  const hasRolePort = roles !== null && (roles.ports.primary !== null || roles.ports.replica !== null);
  if (protocol !== 'tcp' || port !== null || hasRolePort) return [];
  const path = ['upstreams', name];
  return [
    contradiction([...path, 'protocol'], 'tcp without a port', 'a port of its own beside it', null, [
      [...path, 'port'],
    ]),
  ];
}

function boundsOf(path: Path, { breaker, retry, timeouts }: WrittenUpstream, merged: unknown): Contradiction[] {
  return [
    ...ordered([...path, 'breaker'], ['coolDown', breaker.coolDown], ['maxCoolDown', breaker.maxCoolDown]),
    ...ordered([...path, 'retry'], ['backoff', retry.backoff], ['maxBackoff', retry.maxBackoff]),
    ...timeoutBounds([...path, 'timeouts'], merged, timeouts),
  ];
}

function shutdownBounds({ shutdown }: Written): Contradiction[] {
  return ordered(['shutdown'], ['propagation', shutdown.propagation], ['timeout', shutdown.timeout]);
}

function ordered(
  path: Path,
  [lowKey, low]: [string, number],
  [highKey, high]: [string, number],
  format = formatDuration,
): Contradiction[] {
  if (low <= high) return [];
  const expected = `at most ${highKey}, which is ${format(high)}`;
  return [contradiction([...path, lowKey], format(low), expected, null, [[...path, highKey]])];
}

function staticEndpoints(config: Written, merged: unknown): Contradiction[] {
  const used = new Set(servicesIn(merged));
  return Object.entries(config.static).flatMap(([service, endpoints]) => [
    ...repeatedEndpoints(['static', service], endpoints),
    ...(used.has(service) || config.outbound?.discover === true ? [] : [unusedService(service, used)]),
  ]);
}

function repeatedEndpoints(path: Path, endpoints: Written['static'][string]): Contradiction[] {
  const addresses = endpoints.map(({ host, port }) => `${host}:${port}`);
  return addresses.flatMap((address, index) => {
    if (addresses.indexOf(address) === index) return [];
    const found = 'an endpoint that is listed already';
    return [contradiction([...path, index], found, 'each endpoint once', 'use weight for a larger share')];
  });
}

function unusedService(service: string, used: ReadonlySet<string>): Contradiction {
  const meant = nearest(service, [...used]);
  const hint = meant === null ? `add it: upstreams: { ${service}: {} }` : `did you mean ${meant}?`;
  const expected = 'the service of an upstream';
  return contradiction(['static', service], 'endpoints that no upstream uses', expected, hint, [], 'key');
}

/**
 * What upstreams name as their services, as far as it can be read: an upstream that is wrong otherwise still names one.
 */
function servicesIn(merged: unknown): string[] {
  const upstreams = valueAt(merged, ['upstreams']);
  if (!isMap(upstreams)) return [];
  return Object.entries(upstreams).flatMap(([name, upstream]) => servicesOf(name, upstream));
}

function consulRules({ consul }: Written): Contradiction[] {
  if (consul === null) return [];
  const findings: Contradiction[] = [];
  const path = ['consul'];
  if (consul.token !== null && consul.tokenFile !== null) {
    findings.push(
      contradiction(
        [...path, 'tokenFile'],
        'tokenFile beside token',
        'one of the two',
        null,
        [[...path, 'token']],
        'key',
      ),
    );
  }
  const { certFile, keyFile } = consul.tls;
  if ((certFile === null) !== (keyFile === null)) {
    const [given, missing] = certFile === null ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
    findings.push(
      contradiction(
        [...path, 'tls', given],
        `${given} without ${missing}`,
        'both, or neither',
        null,
        [[...path, 'tls', missing]],
        'key',
      ),
    );
  }
  const hasTls = Object.entries(consul.tls).some(([key, value]) =>
    key === 'verify' ? value === false : value !== null,
  );
  if (hasTls && !consul.address.startsWith('https://')) {
    const expected = 'an https:// address, or no tls';
    findings.push(
      contradiction(
        [...path, 'tls'],
        'tls with an address in the clear',
        expected,
        null,
        [[...path, 'address']],
        'key',
      ),
    );
  }
  return findings;
}

function needsConsul({ consul, outbound, service }: Written): Contradiction[] {
  if (consul !== null) return [];
  const findings: Contradiction[] = [];
  const expected = 'consul, or CONSUL_HTTP_ADDR set';
  if (outbound?.discover === true) {
    findings.push(contradiction(['outbound', 'discover'], 'discover without Consul', expected, null, [['consul']]));
  }
  if (service.register !== null) {
    findings.push(
      contradiction(['service', 'register'], 'register without Consul', expected, null, [['consul']], 'key'),
    );
  }
  return findings;
}
