import { BALANCER_NAMES, DEFAULT_BALANCER } from '../../cluster/options.ts';
import { DEFAULT_CRITICALITY_OPTIONS } from '../../policy/criticality-rule.ts';
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from '../../policy/options.ts';
import { defaulted, group, optional, section } from '../field.ts';
import { choice, listenPort, text } from '../values.ts';
import { capacityKeys } from './capacity.ts';
import { connectionsSection } from './connections.ts';
import { rateLimits, throttleGroup } from './doors.ts';
import { ejectionKeys } from './ejection.ts';
import { fallback } from './fallback.ts';
import { faultsList } from './faults.ts';
import { hashSection } from './hash.ts';
import { boundedLoad, maglevSection, ringSection } from './hashing.ts';
import { healthCheckSection } from './health-check.ts';
import { hedgeSection } from './hedge.ts';
import { listenAt } from './listeners.ts';
import { placeKeys } from './places.ts';
import { breakerSection, limits, retrySection, timeouts } from './policy.ts';
import { rolesSection } from './roles.ts';
import { upstreamRoutes } from './routes/routes.ts';
import { shardsSection } from './shards.ts';
import { weightKeys } from './weights.ts';

const PROTOCOLS = ['http', 'http2', 'grpc', 'tcp', 'auto'] as const;

export const upstreamSection = section({
  service: optional(text('the name of a service'), 'the name of the upstream', {
    scope: 'mesh',
    meaning: 'The service to discover, when it is called differently here.',
  }),
  port: optional(listenPort(), 'only through the shared outbound port', {
    scope: 'local',
    meaning: 'A local port of its own.',
  }),
  address: listenAt(),
  protocol: defaulted(choice(PROTOCOLS), 'http', {
    scope: 'mesh',
    meaning:
      'What the service speaks: `http` (HTTP/1.1), `http2` (without TLS, by prior knowledge), `grpc` (the same, and every request counts as a call in metrics), `tcp` (opaque), `auto` (endpoints are spoken to as the client speaks; on a port of its own its first bytes tell HTTP/1.1, HTTP/2, TLS, and anything else, which is relayed). Callers may speak HTTP/1.1 or HTTP/2 to all but `tcp`, and on a port of its own to all but `grpc`, which takes HTTP/2 alone there and answers anything else with a GOAWAY. HTTP/1.1, since every HTTP service speaks it.',
  }),
  datacenter: optional(text('the name of a datacenter'), "the agent's", {
    scope: 'mesh',
    meaning: 'Consul datacenter to ask.',
  }),
  tag: optional(text('a tag'), 'all endpoints', { scope: 'mesh', meaning: 'Only endpoints with this tag.' }),
  filter: optional(text("an expression of Consul's filter language"), 'all endpoints', {
    scope: 'mesh',
    meaning: "Only endpoints that this expression of Consul's filter language selects.",
  }),
  ...placeKeys,
  balance: defaulted(choice(BALANCER_NAMES), DEFAULT_BALANCER, {
    scope: 'mesh',
    meaning:
      'How an endpoint is chosen. The default compares two at random by recent latency and load, which no single slow endpoint survives long.',
  }),
  ...weightKeys,
  hash: hashSection(),
  ring: optional(ringSection, 'its defaults', { scope: null, meaning: 'The ring of ring_hash.' }),
  maglev: optional(maglevSection, 'its defaults', { scope: null, meaning: 'The table of maglev.' }),
  boundedLoad: boundedLoad(),
  roles: optional(rolesSection, 'none: all endpoints are alike', {
    scope: null,
    meaning: 'Primaries, which take writes, and replicas, which take reads.',
  }),
  shards: optional(shardsSection, 'none', {
    scope: null,
    meaning: 'Which endpoints have which keys: each request goes to the shard of its key and to no other.',
  }),
  healthCheck: optional(healthCheckSection, 'none: discovery, breakers and ejection alone', {
    scope: null,
    meaning: 'Checks that this sidecar makes itself: whether it can reach an endpoint is known to nobody else.',
  }),
  breaker: group(breakerSection, 'The circuit breaker of each endpoint.'),
  ...ejectionKeys,
  limits: group(limits(DEFAULT_LIMITS, 'mesh'), 'What this upstream is sent at once.'),
  ...capacityKeys(
    DEFAULT_CRITICALITY_OPTIONS,
    'mesh',
    'Whether a request may say that it matters more than that. On, since it is the own application that asks.',
  ),
  rateLimits: rateLimits('mesh'),
  throttle: throttleGroup,
  retry: group(retrySection, 'Which failures are tried again, and how often.'),
  hedge: optional(hedgeSection, 'none', {
    scope: null,
    meaning: 'A second attempt beside a first that is slow; the first good answer wins.',
  }),
  timeouts: group(timeouts(DEFAULT_TIMEOUTS, 'mesh'), 'How long things may take.'),
  connections: group(connectionsSection, 'How many connections each endpoint is given, and how long they live.'),
  fallback: fallback(),
  faults: faultsList('mesh'),
  routes: upstreamRoutes(),
});

/** What can be said of all of them: not what each must have for itself. */
export const upstreamDefaults = upstreamSection.omit({ service: true, port: true, address: true });
