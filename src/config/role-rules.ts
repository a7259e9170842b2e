import { type Contradiction, contradiction } from './contradiction.ts';
import type { Written } from './schema.ts';

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
  const service = upstream.service ?? name;
  if (Object.hasOwn(config.static, service)) {
    const asked = (['check', 'lock'] as const).filter((key) => roles.from[key] !== null);
    findings.push(
      ...asked.map((key) =>
        contradiction(
          [...path, 'from', key],
          `${key} for a service that is static`,
          'tag or meta, which stand in the file',
          null,
          [['static', service]],
        ),
      ),
    );
  }
  return findings;
}
