import { INBOUND_CRITICALITY } from '../../policy/criticality-rule.ts';
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type TimeoutOptions } from '../../policy/options.ts';
import { defaulted, group, required, section } from '../field.ts';
import { bindAddress, choice, flag, listenPort } from '../values.ts';
import { capacityKeys } from './capacity.ts';
import { rateLimits } from './doors.ts';
import { faultsList } from './faults.ts';
import { limits, timeouts } from './policy.ts';

/** What a port takes. HTTP/1.1 and HTTP/2 are told apart by their first bytes wherever both are taken. */
const PORT_PROTOCOLS = ['http', 'grpc', 'tcp', 'auto'] as const;

/** What names its upstream. */
const SHARED_PROTOCOLS = ['http', 'auto'] as const;

const LOOPBACK = 'Loopback, so that nothing is exposed that nobody asked to expose.';

/** The application is on this very machine: if it does not accept within a second it is not there. */
export const INBOUND_TIMEOUTS: TimeoutOptions = { ...DEFAULT_TIMEOUTS, connectMs: 1_000 };

export function listenAt(meaning = LOOPBACK) {
  return defaulted(bindAddress(), '127.0.0.1', { scope: 'local', meaning });
}

export const inboundSection = section({
  address: listenAt(`${LOOPBACK} \`0.0.0.0\` lets other machines in.`),
  port: required(listenPort(), { scope: 'local', meaning: 'The port in front of the local application.' }),
  protocol: defaulted(choice(PORT_PROTOCOLS), 'http', {
    scope: 'local',
    meaning:
      'What callers speak: `http` (HTTP/1.1 and HTTP/2 on one port), `grpc` (HTTP/2 alone: what does not begin with its preface gets a GOAWAY; and every request counts as a call in metrics), `tcp` (opaque), `auto` (by the first bytes: HTTP, else opaque). What the application is spoken to is `service.protocol`.',
  }),
  identify: defaulted(flag(), false, {
    scope: 'local',
    meaning:
      'Whether health checks of other sidecars (requests with `x-remora-health-check`) are answered with `x-remora-service: <service.name>`, which their `healthCheck.identity` looks for. Off, since it is looked for in every request.',
  }),
  limits: group(limits(DEFAULT_LIMITS, 'local'), 'What the application is given at once.'),
  ...capacityKeys(
    INBOUND_CRITICALITY,
    'local',
    'Whether a caller may say that its request matters more than that. Off, since every caller would; less it may always say.',
  ),
  rateLimits: rateLimits('local'),
  timeouts: group(timeouts(INBOUND_TIMEOUTS, 'local'), 'Towards the application. Nothing is retried there.'),
  faults: faultsList('local'),
});

export const outboundSection = section({
  address: listenAt(),
  port: required(listenPort(), { scope: 'local', meaning: 'The shared HTTP port, routed by Host.' }),
  protocol: defaulted(choice(SHARED_PROTOCOLS), 'http', {
    scope: 'local',
    meaning:
      'What callers speak: `http`, or `auto` (TLS too, passed on unread and routed by the name of its server; all else is turned away, since it names nobody).',
  }),
  discover: defaulted(flag(), false, {
    scope: 'local',
    meaning: 'Also route to services that are not declared, found in Consul on first use (64 at most).',
  }),
});
