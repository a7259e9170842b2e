import { encodeCapacity, encodePlaceLimits } from './capacity.ts';
import type { Config, Http2Config, InboundConfig, UpstreamConfig } from './config.ts';
import { encodeConnections } from './connections.ts';
import { encodeOverload, encodeRateLimits, encodeThrottle } from './doors.ts';
import { encodeEjection } from './ejection.ts';
import { encodeFallback, encodeFaults } from './faults.ts';
import { encodeHash } from './hash.ts';
import { encodeHealthCheck } from './health-check.ts';
import { encodeHedge } from './hedge.ts';
import { HIDDEN, withoutCredentials } from './hidden.ts';
import { factsAt } from './introspect.ts';
import type { Path } from './paths.ts';
import { shownRetry } from './retry.ts';
import { encodeRoles } from './roles.ts';
import { encodeRoutes } from './routes-shown.ts';
import { configSchema } from './schema.ts';
import { encodeShards } from './shards.ts';
import { formatDuration, formatSize } from './units.ts';
import { withoutIdleDefaults } from './unsaid.ts';
import { encodeWeights } from './weights.ts';

/**
 * The configuration in force in the words of the file, every default written out that can come to anything, and every
 * secret hidden. It is a valid file: read back, it means the same but for the secrets.
 */
export function redacted(config: Config): Readonly<Record<string, unknown>> {
  return withoutIdleDefaults(hideSecrets(encode(config), [])) as Readonly<Record<string, unknown>>;
}

function encode(config: Config): unknown {
  const { service, inbound, outbound, consul, admin, telemetry, http, http2, overload, shutdown, secrets, stateDir } =
    config;
  const { overrides } = config;
  const { register } = service;
  return {
    service: { ...service, register: register === null ? null : { ttl: formatDuration(register.ttlMs) } },
    inbound:
      inbound === null
        ? null
        : {
            ...inbound,
            ...encodeCapacity(inbound),
            ...limitsAndTimeouts(inbound),
            rateLimits: encodeRateLimits(inbound.rateLimits),
            faults: encodeFaults(inbound.faults),
          },
    outbound,
    upstreams: Object.fromEntries([...config.upstreams].map(([name, upstream]) => [name, encodeUpstream(upstream)])),
    routes: encodeRoutes(config.routes),
    static: Object.fromEntries(
      [...config.static].map(([name, endpoints]) => [
        name,
        endpoints.map(({ host, ...rest }) => ({ address: host, ...rest })),
      ]),
    ),
    consul,
    overrides:
      overrides === null
        ? null
        : { key: overrides.key, header: overrides.header, maxAge: formatDuration(overrides.maxAgeMs) },
    admin: { ...admin, grpcPort: admin.grpcPort ?? 'off' },
    telemetry,
    http: {
      maxHead: formatSize(http.maxHeadBytes),
      maxFields: http.maxFields,
      maxTarget: formatSize(http.maxTargetBytes),
      headTimeout: formatDuration(http.headTimeoutMs),
      clientIdle: formatDuration(http.clientIdleMs),
      upstreamIdle: formatDuration(http.upstreamIdleMs),
      maxConnections: http.maxConnections,
    },
    http2: encodeHttp2(http2),
    overload: encodeOverload(overload),
    shutdown: { propagation: formatDuration(shutdown.propagationMs), timeout: formatDuration(shutdown.timeoutMs) },
    secrets,
    stateDir,
  };
}

function encodeUpstream({
  name,
  listen,
  balancer,
  hash,
  roles,
  shards,
  healthCheck,
  breaker,
  ejection,
  retry,
  hedge,
  connections,
  rateLimits,
  throttle,
  fallback,
  faults,
  routes,
  ...rest
}: UpstreamConfig): unknown {
  return {
    ...rest,
    port: listen?.port ?? null,
    address: (listen ?? roles?.listen.primary ?? roles?.listen.replica)?.address ?? null,
    balance: balancer.name,
    ...encodeWeights(balancer),
    ring: balancer.ring ?? null,
    maglev: balancer.maglev ?? null,
    boundedLoad: balancer.boundedLoad ?? null,
    hash: hash === null ? null : encodeHash(hash),
    roles: roles === null ? null : encodeRoles(roles),
    shards: encodeShards(shards),
    healthCheck: encodeHealthCheck(healthCheck),
    breaker: {
      consecutiveFailures: breaker.consecutiveFailures,
      failureRatio: breaker.failureRatio,
      minimumRequests: breaker.minimumRequests,
      window: formatDuration(breaker.windowMs),
      coolDown: formatDuration(breaker.coolDownMs),
      maxCoolDown: formatDuration(breaker.maxCoolDownMs),
    },
    ejection: encodeEjection(ejection),
    retry: shownRetry(retry),
    hedge: encodeHedge(hedge),
    ...encodeCapacity(rest),
    rateLimits: encodeRateLimits(rateLimits),
    throttle: encodeThrottle(throttle),
    fallback: encodeFallback(fallback),
    faults: encodeFaults(faults),
    routes: encodeRoutes(routes),
    ...limitsAndTimeouts(rest),
    connections: encodeConnections(connections),
  };
}

function encodeHttp2(http2: Http2Config): unknown {
  return {
    maxStreams: http2.maxStreams,
    maxList: formatSize(http2.maxListBytes),
    maxFields: http2.maxFields,
    maxStreamWindow: formatSize(http2.maxStreamWindow),
    maxConnectionWindow: formatSize(http2.maxConnectionWindow),
    windowBudget: formatSize(http2.windowBudgetBytes),
    maxHeld: formatSize(http2.maxHeldBytes),
    maxResets: http2.maxResets,
    maxUselessFrames: http2.maxUselessFrames,
    pingInterval: formatDuration(http2.pingIntervalMs),
    pingTimeout: formatDuration(http2.pingTimeoutMs),
  };
}

function limitsAndTimeouts({ limits, timeouts }: Pick<InboundConfig, 'limits' | 'timeouts'>): object {
  return {
    limits: {
      maxRequests: limits.maxRequests,
      maxParked: limits.maxParked,
      parkTimeout: formatDuration(limits.parkTimeoutMs),
      ...encodePlaceLimits(limits),
    },
    timeouts: {
      connect: formatDuration(timeouts.connectMs),
      attempt: formatDuration(timeouts.attemptMs),
      attemptIdle: formatDuration(timeouts.attemptIdleMs),
      request: formatDuration(timeouts.requestMs),
      streamIdle: formatDuration(timeouts.streamIdleMs),
      tunnelIdle: formatDuration(timeouts.tunnelIdleMs),
      maxDuration: formatDuration(timeouts.maxDurationMs),
    },
  };
}

/** Which keys are secret is known to the schema alone. A null is what was not written, and is left out. */
function hideSecrets(value: unknown, path: Path): unknown {
  if (Array.isArray(value)) return value.map((item, index) => hideSecrets(item, [...path, index]));
  if (typeof value !== 'object' || value === null) {
    if (value !== null && factsAt(configSchema, path)?.isSecret === true) return HIDDEN;
    return typeof value === 'string' ? withoutCredentials(value) : value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, hideSecrets(inner, [...path, key])]),
  );
}
