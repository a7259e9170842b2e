import { z } from 'zod';
import { defaulted, group, optional, section } from '../field.ts';
import { flag, path, splitHostPort, text } from '../values.ts';

const ADDRESS_WORDS = 'http://host:port, https://host:port or unix:///path';

/**
 * Consul's own tools take a bare `host:port` too. Neither user and password nor a path: the token is the way to log in.
 */
function consulAddress() {
  return z
    .string({ error: ADDRESS_WORDS })
    .refine((value) => normalized(value) !== null, { error: ADDRESS_WORDS })
    .transform((value) => normalized(value) ?? value);
}

function normalized(value: string): string | null {
  if (/^unix:\/\/\/./.test(value)) return value;
  const [, scheme, rest] = /^(?:(https?):\/\/)?([^/]+)\/?$/i.exec(value) ?? [];
  if (rest === undefined) return null;
  const hasPort = splitHostPort(rest) !== null;
  const isUrlWithoutPort = scheme !== undefined && splitHostPort(`${rest}:80`) !== null;
  return hasPort || isUrlWithoutPort ? `${(scheme ?? 'http').toLowerCase()}://${rest}` : null;
}

const file = (meaning: string) => optional(path(), 'none', { scope: 'local', meaning });

export const consulSection = section({
  address: defaulted(consulAddress(), 'http://127.0.0.1:8500', {
    scope: 'local',
    meaning: `The Consul agent: ${ADDRESS_WORDS}. Else \`CONSUL_HTTP_ADDR\`; the default is where an agent on this machine listens.`,
  }),
  configEntries: defaulted(flag(), false, {
    scope: 'local',
    meaning:
      "Whether Consul's own config entries (service-router, service-splitter, service-resolver, service-defaults) are read for the services that are called, as the lowest layer; see below. Off, since it is one more blocking query for each of them, and `service:read` is asked for.",
  }),
  token: optional(text('text'), 'none', {
    scope: 'local',
    isSecret: true,
    meaning: 'ACL token, best as a reference to a file or a variable. Else `CONSUL_HTTP_TOKEN`.',
  }),
  tokenFile: file('A file with the ACL token, read again when it changes. Else `CONSUL_HTTP_TOKEN_FILE`.'),
  datacenter: optional(text('the name of a datacenter'), "the agent's", {
    scope: 'local',
    meaning: 'Datacenter of upstreams that name none.',
  }),
  namespace: optional(text('the name of a namespace'), 'none', {
    scope: 'local',
    meaning: 'Consul Enterprise only. Else `CONSUL_NAMESPACE`.',
  }),
  status: defaulted(flag(), true, {
    scope: 'local',
    meaning:
      'Whether this sidecar writes what it runs to `remora/status/<service>/<instance>` in KV and takes part in canaries. On, since otherwise nobody can say which sidecar runs what; it needs the rights to write that key and to hold a session. Without them it says so once.',
  }),
  tls: group(
    section({
      caFile: file("Authorities to trust instead of the system's. Else `CONSUL_CACERT`."),
      certFile: file('Our certificate. Else `CONSUL_CLIENT_CERT`.'),
      keyFile: file('The key of our certificate. Else `CONSUL_CLIENT_KEY`.'),
      serverName: optional(text('a host name'), 'the host of the address', {
        scope: 'local',
        meaning: 'The name the certificate of Consul must have. Else `CONSUL_TLS_SERVER_NAME`.',
      }),
      verify: defaulted(flag(), true, {
        scope: 'local',
        meaning: 'Whether the certificate of Consul is checked. Else `CONSUL_HTTP_SSL_VERIFY`.',
      }),
    }),
    'For an https address.',
  ),
});
