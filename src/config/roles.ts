import type { RoleWitness } from '../cluster/role.ts';
import type { RolesConfig } from './config.ts';
import type { Written } from './schema.ts';
import { formatDuration, formatSize } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];

/** From the words of the file. */
export function buildRoles({ roles, address }: WrittenUpstream): RolesConfig | null {
  if (roles === null) return null;
  const { kind, from, words, read, reads, hold, ports } = roles;
  const at = (port: number | null) => (port === null ? null : { address, port });
  return {
    rule: { kind, from: witnessOf(from), words },
    read,
    reads: { ...reads, header: reads.header === null ? null : reads.header.toLowerCase() },
    hold: { timeMs: hold.time, requests: hold.requests, bytes: hold.bytes },
    listen: { primary: at(ports.primary), replica: at(ports.replica) },
  };
}

function witnessOf({ meta, check, lock }: NonNullable<WrittenUpstream['roles']>['from']): RoleWitness {
  if (meta !== null) return { kind: 'meta', key: meta };
  if (check !== null) return { kind: 'check', name: check };
  return lock === null ? { kind: 'tag' } : { kind: 'lock', key: lock };
}

/** Back to them. */
export function encodeRoles({ rule, read, reads, hold, listen }: RolesConfig): unknown {
  return {
    kind: rule.kind,
    from: encodeWitness(rule.from),
    words: rule.words,
    read,
    reads,
    hold: { time: formatDuration(hold.timeMs), requests: hold.requests, bytes: formatSize(hold.bytes) },
    ports: { primary: listen.primary?.port ?? null, replica: listen.replica?.port ?? null },
  };
}

function encodeWitness(from: RoleWitness): unknown {
  switch (from.kind) {
    case 'tag':
      return { tag: true };
    case 'meta':
      return { meta: from.key };
    case 'check':
      return { check: from.name };
    case 'lock':
      return { lock: from.key };
  }
}
