/** What a host name asks for. */
export interface HostName {
  readonly service: string;
  readonly tag: string | null;
  readonly datacenter: string | null;
}

const LABEL = '[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?';
const PLAIN = new RegExp(`^(?<service>${LABEL})(?:\\.mesh)?$`);
const CONSUL = new RegExp(
  `^(?:(?<tag>${LABEL})\\.)?(?<service>${LABEL})\\.service(?:\\.(?<datacenter>${LABEL}))?\\.consul$`,
);

/**
 * Reads the authority of a request as the name of a service: `orders`, `orders.mesh`, or Consul's own DNS form
 * `[tag.]orders.service[.datacenter].consul`; any port, any case. Null for all else, addresses and outside names among
 * it: the shared port is not an open proxy.
 */
export function parseHost(authority: string): HostName | null {
  const host = authority.replace(/:\d{1,5}$/, '').toLowerCase();
  const match = PLAIN.exec(host) ?? CONSUL.exec(host);
  if (match === null) return null;
  const { service, tag, datacenter } = match.groups as { service: string; tag?: string; datacenter?: string };
  return { service, tag: tag ?? null, datacenter: datacenter ?? null };
}
