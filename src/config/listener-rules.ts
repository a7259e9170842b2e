import { grpcPortOf } from './build.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import { formatPath, valueAt } from './paths.ts';
import type { Written } from './schema.ts';

interface Listener {
  readonly path: Path;
  readonly address: string;
  readonly port: number;
}

/** Two listeners on one address and port, or one where the application itself listens: the second would not start. */
export function listenerConflicts(config: Written, merged: unknown): Contradiction[] {
  const { service } = config;
  const taken: Listener[] = isLocal(service.address) ? [{ path: ['service', 'port'], ...service }] : [];
  const findings: Contradiction[] = [];
  for (const listener of listenersOf(config)) {
    const earlier = taken.find((other) => other.port === listener.port && overlap(other.address, listener.address));
    taken.push(listener);
    if (listener.port === 0 || earlier === undefined) continue;
    // A port that nobody wrote has no line to point at; the one that was written has.
    const isWritten = valueAt(merged, listener.path) !== undefined;
    findings.push(isWritten ? conflict(listener, earlier) : conflict(earlier, listener));
  }
  return findings;
}

function conflict({ path, address, port }: Listener, other: Listener): Contradiction {
  const shown = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const found = `${shown}, which ${formatPath(other.path)} has already`;
  const concerns = [other.path, ...[path, other.path].map((at) => [...at.slice(0, -1), 'address'])];
  const hint = other.path[1] === 'grpcPort' ? 'unless set, admin.grpcPort follows admin.port; it can be off' : null;
  return contradiction(path, found, 'a port of its own, or 0', hint, concerns);
}

/** Everything that would be bound, in the order it is written about. */
export function listenersOf(config: Written): Listener[] {
  const { inbound, outbound, upstreams, admin } = config;
  const at = (path: Path, address: string, port: number | null): Listener[] =>
    port === null ? [] : [{ path, address, port }];
  return [
    ...at(['inbound', 'port'], inbound?.address ?? '', inbound?.port ?? null),
    ...at(['outbound', 'port'], outbound?.address ?? '', outbound?.port ?? null),
    ...Object.entries(upstreams).flatMap(([name, { address, port, roles }]) => [
      ...at(['upstreams', name, 'port'], address, port),
      ...at(['upstreams', name, 'roles', 'ports', 'primary'], address, roles?.ports.primary ?? null),
      ...at(['upstreams', name, 'roles', 'ports', 'replica'], address, roles?.ports.replica ?? null),
    ]),
    ...at(['admin', 'port'], admin.address, admin.port),
    ...at(['admin', 'grpcPort'], admin.address, grpcPortOf(admin)),
  ];
}

/** An address for all interfaces takes the port of each. */
function overlap(a: string, b: string): boolean {
  return a === b || isWildcard(a) || isWildcard(b);
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function isLocal(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.') || isWildcard(address);
}
