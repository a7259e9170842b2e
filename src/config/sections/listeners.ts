import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type TimeoutOptions } from '../../policy/options.ts';
import { defaulted, group, required, section } from '../field.ts';
import { bindAddress, choice, flag, listenPort } from '../values.ts';
import { limits, timeouts } from './policy.ts';

export const PROTOCOLS = ['http', 'tcp'] as const;

const LOOPBACK = 'Loopback, so that nothing is exposed that nobody asked to expose.';

/** The application is on this very machine: if it does not accept within a second it is not there. */
export const INBOUND_TIMEOUTS: TimeoutOptions = { ...DEFAULT_TIMEOUTS, connectMs: 1_000 };

export function listenAt(meaning = LOOPBACK) {
  return defaulted(bindAddress(), '127.0.0.1', { scope: 'local', meaning });
}

export const inboundSection = section({
  address: listenAt(`${LOOPBACK} \`0.0.0.0\` lets other machines in.`),
  port: required(listenPort(), { scope: 'local', meaning: 'The port in front of the local application.' }),
  protocol: defaulted(choice(PROTOCOLS), 'http', { scope: 'local', meaning: 'What the application speaks.' }),
  limits: group(limits(DEFAULT_LIMITS, 'local'), 'What the application is given at once.'),
  timeouts: group(timeouts(INBOUND_TIMEOUTS, 'local'), 'Towards the application. Nothing is retried there.'),
});

export const outboundSection = section({
  address: listenAt(),
  port: required(listenPort(), { scope: 'local', meaning: 'The shared HTTP port, routed by Host.' }),
  discover: defaulted(flag(), false, {
    scope: 'local',
    meaning: 'Also route to services that are not declared, found in Consul on first use (64 at most).',
  }),
});
