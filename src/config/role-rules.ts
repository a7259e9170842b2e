import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';

type WrittenUpstream = Written['upstreams'][string];
type WrittenRoles = NonNullable<WrittenUpstream['roles']>;

/** What the roles of an upstream must not say together with the rest of it. */
export function roleConflicts(config: Written, name: string): Contradiction[] {
  const upstream = config.upstreams[name]!;
  const { roles, hash } = upstream;
  if (roles === null) return [];
  const path = ['upstreams', name, 'roles'];
  const findings: Contradiction[] = [];
  if (roles.kind === 'multi_primary' && hash === null) {
    const expected = 'hash beside roles, which says whose primary is whose';
    findings.push(
      contradiction([...path, 'kind'], 'multi_primary without hash', expected, null, [['upstreams', name, 'hash']]),
    );
  }
  if (roles.words.primary === roles.words.replica) {
    const found = `${roles.words.primary}, the word for both roles`;
    findings.push(
      contradiction([...path, 'words', 'replica'], found, 'another word than primary has', null, [
        [...path, 'words', 'primary'],
      ]),
    );
  }
  findings.push(...freshRules(path, upstream), ...staticRules(config, path, upstream.service ?? name, roles));
  return findings;
}

/** What only Consul can say. */
function staticRules(config: Written, path: Path, service: string, { from, lag }: WrittenRoles): Contradiction[] {
  if (!Object.hasOwn(config.static, service)) return [];
  const refuse = (at: Path, what: string, expected: string): Contradiction =>
    contradiction([...path, ...at, what], `${what} for a service that is static`, expected, null, [
      ['static', service],
    ]);
  const asked = (['check', 'lock'] as const).filter((key) => from[key] !== null);
  const findings = asked.map((key) => refuse(['from'], key, 'tag or meta, which stand in the file'));
  const isChecked = lag !== null && lag.from !== null && lag.from.check !== null;
  return isChecked ? [...findings, refuse(['lag', 'from'], 'check', 'meta, which stands in the file')] : findings;
}

/** Who tells how fresh replicas are, and which reads that binds. */
function freshRules(path: Path, { protocol, hash, roles }: WrittenUpstream): Contradiction[] {
  const { kind, read, lag, readYourWrites } = roles!;
  const upstream = path.slice(0, -1);
  const findings: Contradiction[] = [];
  const refuse = (at: Path, found: string, expected: string, concern: Path): void => {
    findings.push(contradiction([...path, ...at], found, expected, null, [concern]));
  };
  const protocolAt = [...upstream, 'protocol'];
  if (protocol === 'tcp' && lag !== null && lag.header !== null) {
    refuse(['lag', 'header'], 'a header for protocol tcp', 'from, since opaque bytes have no headers', protocolAt);
  }
  if (readYourWrites === null) return findings;
  const { cookie, position } = readYourWrites;
  const at = ['readYourWrites'];
  if (protocol === 'tcp') refuse(at, 'tokens for protocol tcp', 'none, since opaque bytes carry none', protocolAt);
  if (protocol === 'grpc' && cookie !== null) {
    refuse([...at, 'cookie'], 'a cookie for protocol grpc', 'header: callers of gRPC keep no cookies', protocolAt);
  }
  if (read === 'require_replica' || read === 'primary') {
    const expected = 'read: prefer_replica or any beside it, which may ask either';
    refuse(at, `readYourWrites with read: ${read}`, expected, [...path, 'read']);
  }
  if (kind === 'multi_primary' && position !== null) {
    const expected = 'no position: that of one primary says nothing of the others';
    refuse([...at, 'position'], 'positions of several primaries', expected, [...path, 'kind']);
  }
  if (cookie !== null && hash?.some((key) => key.cookie?.name === cookie)) {
    const expected = 'another name than that of hash';
    refuse([...at, 'cookie'], `the cookie ${cookie}`, expected, [...upstream, 'hash']);
  }
  return findings;
}
