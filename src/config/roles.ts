import type { LagWitness, RoleWitness } from '../cluster/role.ts';
import type { ReadYourWritesOptions } from '../route/read-your-writes.ts';
import type { LagConfig, RolesConfig } from './config.ts';
import type { Written } from './schema.ts';
import { formatDuration, formatSize } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];

/** From the words of the file. */
export function buildRoles({ roles, address }: WrittenUpstream): RolesConfig | null {
  if (roles === null) return null;
  const { kind, from, words, read, reads, hold, ports, lag, readYourWrites } = roles;
  const at = (port: number | null) => (port === null ? null : { address, port });
  return {
    rule: { kind, from: witnessOf(from), words, lag: lagWitnessOf(lag?.from ?? null) },
    read,
    reads: { ...reads, header: lowerCase(reads.header) },
    hold: { timeMs: hold.time, requests: hold.requests, bytes: hold.bytes },
    lag: lagOf(lag),
    readYourWrites: readYourWritesOf(readYourWrites),
    listen: { primary: at(ports.primary), replica: at(ports.replica) },
  };
}

function witnessOf({ meta, check, lock }: NonNullable<WrittenUpstream['roles']>['from']): RoleWitness {
  if (meta !== null) return { kind: 'meta', key: meta };
  if (check !== null) return { kind: 'check', name: check };
  return lock === null ? { kind: 'tag' } : { kind: 'lock', key: lock };
}

type WrittenRoles = NonNullable<WrittenUpstream['roles']>;

function lagWitnessOf(from: NonNullable<WrittenRoles['lag']>['from']): LagWitness | null {
  if (from === null) return null;
  return from.meta === null ? { kind: 'check', name: from.check ?? '' } : { kind: 'meta', key: from.meta };
}

function lagOf(lag: WrittenRoles['lag']): LagConfig | null {
  if (lag === null) return null;
  const { max, keep, header } = lag;
  return { maxMs: max === 0 ? Number.POSITIVE_INFINITY : max, keep, header: lowerCase(header) };
}

function readYourWritesOf(written: WrittenRoles['readYourWrites']): ReadYourWritesOptions | null {
  if (written === null) return null;
  const { for: forMs, cookie, header, position } = written;
  const carrier =
    cookie === null
      ? ({ kind: 'header', name: (header ?? '').toLowerCase() } as const)
      : ({ kind: 'cookie', name: cookie } as const);
  return { forMs, carrier, position: lowerCase(position) };
}

/** Field names know no case; the program compares them in lower case. */
function lowerCase(name: string | null): string | null {
  return name === null ? null : name.toLowerCase();
}

/** Back to them. */
export function encodeRoles({ rule, read, reads, hold, lag, readYourWrites, listen }: RolesConfig): unknown {
  return {
    kind: rule.kind,
    from: encodeWitness(rule.from),
    words: rule.words,
    read,
    reads,
    hold: { time: formatDuration(hold.timeMs), requests: hold.requests, bytes: formatSize(hold.bytes) },
    lag: encodeLag(lag, rule.lag),
    readYourWrites: encodeReadYourWrites(readYourWrites),
    ports: { primary: listen.primary?.port ?? null, replica: listen.replica?.port ?? null },
  };
}

function encodeLag(lag: LagConfig | null, from: LagWitness | null): unknown {
  if (lag === null) return null;
  const { maxMs, keep, header } = lag;
  const max = formatDuration(Number.isFinite(maxMs) ? maxMs : 0);
  return { max, keep, from: from === null ? null : encodeWitness(from), header };
}

function encodeReadYourWrites(options: ReadYourWritesOptions | null): unknown {
  if (options === null) return null;
  const { forMs, carrier, position } = options;
  return { for: formatDuration(forMs), [carrier.kind]: carrier.name, position };
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
