import {
  DEFAULT_ENVOY_RING,
  DEFAULT_FIXED_RING,
  DEFAULT_MAGLEV,
  type HashingOptions,
  type RingOptions,
} from '../cluster/hashing-options.ts';
import { capacityOf, placeLimitsOf } from './capacity.ts';
import type { Config, Http2Config, InboundConfig, PlaceOptions, TelemetryConfig, UpstreamConfig } from './config.ts';
import { buildConnections } from './connections.ts';
import { buildRateLimits, buildThrottle } from './doors.ts';
import { buildEjection } from './ejection.ts';
import { buildFallback, buildFaults } from './faults.ts';
import { buildHash } from './hash.ts';
import { buildHealthCheck } from './health-check.ts';
import { buildHedge } from './hedge.ts';
import { retryOf } from './retry.ts';
import { buildRoles } from './roles.ts';
import { buildRoutes } from './routes.ts';
import type { Written } from './schema.ts';
import { GRPC_PORT_OFFSET } from './sections/operations.ts';
import { buildShards } from './shards.ts';
import { weightsOf } from './weights.ts';

type WrittenUpstream = Written['upstreams'][string];

/**
 * From the words of the file to the names of the program. Nothing is decided here but what one key borrows from
 * another.
 */
export function build(written: Written): Config {
  const { service, inbound, outbound, shutdown, http } = written;
  return {
    service: {
      ...service,
      id: service.id ?? service.name,
      register: service.register === null ? null : { ttlMs: service.register.ttl },
    },
    inbound: inbound === null ? null : inboundOf(inbound),
    outbound,
    upstreams: new Map(Object.entries(written.upstreams).map(([name, upstream]) => [name, upstreamOf(name, upstream)])),
    routes: buildRoutes(written.routes, null),
    static: new Map(Object.entries(written.static)),
    consul: written.consul,
    overrides: written.overrides === null ? null : overridesOf(written.overrides),
    admin: { ...written.admin, grpcPort: grpcPortOf(written.admin) },
    telemetry: telemetryOf(written.telemetry),
    http: {
      maxHeadBytes: http.maxHead,
      maxFields: http.maxFields,
      maxTargetBytes: http.maxTarget,
      headTimeoutMs: http.headTimeout,
      clientIdleMs: http.clientIdle,
      upstreamIdleMs: http.upstreamIdle,
      maxConnections: http.maxConnections,
    },
    http2: http2Of(written),
    overload: written.overload,
    shutdown: { propagationMs: shutdown.propagation, timeoutMs: shutdown.timeout },
    secrets: written.secrets,
    stateDir: written.stateDir,
  };
}

function inboundOf(written: NonNullable<Written['inbound']>): InboundConfig {
  return {
    ...written,
    ...capacityOf(written),
    limits: limitsOf(written),
    timeouts: timeoutsOf(written),
    rateLimits: buildRateLimits(written.rateLimits),
    faults: buildFaults(written.faults),
  };
}

function overridesOf({ maxAge, ...rest }: NonNullable<Written['overrides']>): Config['overrides'] {
  return { ...rest, maxAgeMs: maxAge };
}

/** What is one Cookie line in HTTP/1.1 comes as a field for each cookie (RFC 9113, 8.2.3), ninety in a browser. */
const FIELDS_PER_LINE = 2;

function http2Of({ http, http2 }: Pick<Written, 'http' | 'http2'>): Http2Config {
  return {
    maxStreams: http2.maxStreams,
    maxListBytes: http2.maxList ?? http.maxHead,
    maxFields: http2.maxFields ?? http.maxFields * FIELDS_PER_LINE,
    maxStreamWindow: http2.maxStreamWindow,
    maxConnectionWindow: http2.maxConnectionWindow,
    windowBudgetBytes: http2.windowBudget,
    maxHeldBytes: http2.maxHeld,
    maxResets: http2.maxResets,
    maxUselessFrames: http2.maxUselessFrames,
    pingIntervalMs: http2.pingInterval,
    pingTimeoutMs: http2.pingTimeout,
  };
}

/** Null: off. */
export function grpcPortOf({ port, grpcPort }: Written['admin']): number | null {
  if (grpcPort === 'off') return null;
  if (grpcPort !== null) return grpcPort;
  // The last ports have no neighbour that far up.
  return port === 0 ? 0 : port + GRPC_PORT_OFFSET > 65_535 ? port - GRPC_PORT_OFFSET : port + GRPC_PORT_OFFSET;
}

export function upstreamOf(name: string, written: WrittenUpstream): UpstreamConfig {
  const { service, port, address, protocol, datacenter, tag, filter, balance, hash, breaker } = written;
  return {
    name,
    service: service ?? name,
    listen: port === null ? null : { address, port },
    protocol,
    datacenter,
    tag,
    filter,
    balancer: { name: balance, ...weightsOf(written), ...hashingOf(written) },
    hash: hash === null ? null : buildHash(hash),
    ...placesOf(written),
    roles: buildRoles(written),
    shards: buildShards(written.shards),
    healthCheck: buildHealthCheck(name, written),
    breaker: {
      consecutiveFailures: breaker.consecutiveFailures,
      failureRatio: breaker.failureRatio,
      minimumRequests: breaker.minimumRequests,
      windowMs: breaker.window,
      coolDownMs: breaker.coolDown,
      maxCoolDownMs: breaker.maxCoolDown,
    },
    ejection: buildEjection(written),
    limits: limitsOf(written),
    ...capacityOf(written),
    rateLimits: buildRateLimits(written.rateLimits),
    throttle: buildThrottle(written.throttle),
    retry: retryOf(written),
    hedge: buildHedge(written.hedge),
    timeouts: timeoutsOf(written),
    connections: buildConnections(written),
    fallback: buildFallback(written.fallback),
    faults: buildFaults(written.faults),
    routes: buildRoutes(written.routes, name),
  };
}

/** Every default is filled in for the balancer that has it, and nothing for the others. */
function hashingOf({ balance: balancer, ring, maglev, boundedLoad }: WrittenUpstream): HashingOptions {
  return {
    ...(balancer === 'ring_hash' ? { ring: ringOf(ring) } : {}),
    ...(balancer === 'maglev' ? { maglev: maglev ?? DEFAULT_MAGLEV } : {}),
    ...(boundedLoad === null ? {} : { boundedLoad }),
  };
}

function ringOf(ring: WrittenUpstream['ring']): RingOptions {
  if (ring?.sizing === 'envoy') {
    const { minSize, maxSize } = DEFAULT_ENVOY_RING;
    return { sizing: 'envoy', minSize: ring.minSize ?? minSize, maxSize: ring.maxSize ?? maxSize };
  }
  const { points, maxSize } = DEFAULT_FIXED_RING;
  return { sizing: 'fixed', points: ring?.points ?? points, maxSize: ring?.maxSize ?? maxSize };
}

function placesOf({ subsets, subset, failover, zones, panic, overprovisioning }: WrittenUpstream): PlaceOptions {
  const named = Object.entries(subsets).map(([key, { tag, tags, meta }]) => {
    return [key, { tags: tag === null ? tags : [tag, ...tags], meta }] as const;
  });
  return { subsets: Object.fromEntries(named), subset, failover, zones, panic, overprovisioning };
}

function limitsOf({ limits }: Pick<WrittenUpstream, 'limits'>): UpstreamConfig['limits'] {
  return {
    maxRequests: limits.maxRequests,
    maxParked: limits.maxParked,
    parkTimeoutMs: limits.parkTimeout,
    ...placeLimitsOf({ limits }),
  };
}

function timeoutsOf({ timeouts }: Pick<WrittenUpstream, 'timeouts'>): UpstreamConfig['timeouts'] {
  return {
    connectMs: timeouts.connect,
    attemptMs: timeouts.attempt,
    attemptIdleMs: timeouts.attemptIdle,
    requestMs: timeouts.request,
    streamIdleMs: timeouts.streamIdle,
    tunnelIdleMs: timeouts.tunnelIdle,
    maxDurationMs: timeouts.maxDuration,
  };
}

function telemetryOf({ otlp, sampleRatio, accessLog }: Written['telemetry']): TelemetryConfig {
  if (otlp === null) return { otlp, sampleRatio, accessLog };
  const isGrpcPort = /^https?:\/\/[^/]*:4317(?:\/|$)/i.test(otlp.endpoint);
  return {
    otlp: { ...otlp, protocol: otlp.protocol ?? (isGrpcPort ? 'grpc' : 'http/protobuf') },
    sampleRatio,
    accessLog,
  };
}
