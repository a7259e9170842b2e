import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';

/** What DNS says of one name now. Null for a family: it could not be asked, so nothing is known of it. */
export interface ResolvedName {
  readonly v4: readonly string[] | null;
  readonly v6: readonly string[] | null;
  readonly ttlMs: number;
}

export interface NameResolver {
  /** Rejects when the name leads nowhere or nobody answers. */
  resolve(name: string, signal: AbortSignal): Promise<ResolvedName>;
}

interface Found {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
}

const QUERY_TIMEOUT_MS = 2_000;
const TRIES = 2;
const HOSTS_TTL_MS = 5_000;
const LOOKUP_TTL_MS = 30_000;
const NOTHING = new Set(['ENODATA', 'ENOTFOUND']);

/**
 * Names by c-ares, which does not block a thread and tells the TTL.
 *
 * c-ares asks servers only, so what a machine knows by itself comes first: `localhost` (one address, 127.0.0.1: the
 * other family would be a second endpoint for the same process, and many listen on one family only) and the hosts file.
 * It does not know search domains either; a name it cannot find at all is asked once more of the system's resolver,
 * which does. That call takes a thread of Node's pool, and each name has at most one going.
 */
export class DnsResolver implements NameResolver {
  constructor(
    private readonly hostsFile: string = '/etc/hosts',
    /** `address[:port]`; null: those of the machine. */
    private readonly servers: readonly string[] | null = null,
  ) {}

  async resolve(name: string, signal: AbortSignal): Promise<ResolvedName> {
    if (isLocalhost(name)) return { v4: ['127.0.0.1'], v6: [], ttlMs: HOSTS_TTL_MS };
    const hosts = await this.lookInHosts(name);
    if (hosts.length > 0) return split(hosts, HOSTS_TTL_MS);
    signal.throwIfAborted();

    const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: TRIES });
    if (this.servers !== null) resolver.setServers(this.servers);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener('abort', cancel);
    try {
      const [v4, v6] = await Promise.allSettled([
        records(resolver.resolve4(name, { ttl: true })),
        records(resolver.resolve6(name, { ttl: true })),
      ]);
      if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
      const found = [v4, v6].map((family) => (family.status === 'fulfilled' ? family.value : null));
      const ttls = found.flatMap((family) => (family !== null && family.addresses.length > 0 ? [family.ttlMs] : []));
      if (ttls.length > 0) {
        return { v4: found[0]?.addresses ?? null, v6: found[1]?.addresses ?? null, ttlMs: Math.min(...ttls) };
      }
    } finally {
      signal.removeEventListener('abort', cancel);
    }
    const system = await lookup(name, { all: true });
    return split(
      system.map(({ address }) => address),
      LOOKUP_TTL_MS,
    );
  }

  private async lookInHosts(name: string): Promise<readonly string[]> {
    let text: string;
    try {
      text = await readFile(this.hostsFile, 'utf8');
    } catch {
      return []; // A machine need not have the file.
    }
    const wanted = name.toLowerCase();
    return text.split('\n').flatMap((line) => {
      const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
      return address && names.some((known) => known.toLowerCase() === wanted) ? [address] : [];
    });
  }
}

/** "There is no such record" is an answer; everything else is the lack of one. */
async function records(asked: Promise<readonly { readonly address: string; readonly ttl: number }[]>): Promise<Found> {
  try {
    const found = await asked;
    const ttlMs = Math.min(...found.map(({ ttl }) => ttl)) * 1000;
    return { addresses: found.map(({ address }) => address), ttlMs };
  } catch (error) {
    if (NOTHING.has((error as NodeJS.ErrnoException).code ?? '')) return { addresses: [], ttlMs: 0 };
    throw error;
  }
}

function isLocalhost(name: string): boolean {
  return /^(.+\.)?localhost\.?$/i.test(name);
}

function split(addresses: readonly string[], ttlMs: number): ResolvedName {
  const isV6 = (address: string): boolean => address.includes(':');
  return { v4: addresses.filter((address) => !isV6(address)), v6: addresses.filter(isV6), ttlMs };
}
