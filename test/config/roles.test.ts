import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { complaints, good, web } from './parse.ts';

function upstream(roles: string, more = ''): string {
  return web(`consul: {}\nupstreams: { db: { ${more}roles: ${roles} } }\n`);
}

function rolesOf(text: string) {
  return good(text).upstreams.get('db')!.roles;
}

describe('roles', () => {
  it('are read from tags, with one primary, when nothing else is said', () => {
    expect(rolesOf(upstream('{}'))).toEqual({
      rule: {
        kind: 'primary_replica',
        from: { kind: 'tag' },
        words: { primary: 'primary', replica: 'replica' },
      },
      read: 'prefer_replica',
      reads: { methods: ['GET', 'HEAD', 'OPTIONS'], header: null, paths: [] },
      hold: { timeMs: 10_000, requests: 1_000, bytes: 16 * 2 ** 20 },
      listen: { primary: null, replica: null },
    });
    expect(rolesOf(web('consul: {}\nupstreams: { db: {} }\n'))).toBeNull();
  });

  const EVERYTHING = upstream(
    '{ kind: multi_primary, from: { meta: role }, words: { primary: leader, replica: follower }, read: any, reads: { methods: [GET], header: X-Read, paths: [/search/*, "/pkg.Orders/Get*"] }, hold: { time: 3s, requests: 5, bytes: 1MiB }, ports: { primary: 5432, replica: 5433 } }',
    'protocol: tcp, address: 0.0.0.0, hash: { source: true }, ',
  );

  it('take all that can be said of them', () => {
    expect(rolesOf(EVERYTHING)).toEqual({
      rule: {
        kind: 'multi_primary',
        from: { kind: 'meta', key: 'role' },
        words: { primary: 'leader', replica: 'follower' },
      },
      read: 'any',
      reads: { methods: ['GET'], header: 'x-read', paths: ['/search/*', '/pkg.Orders/Get*'] },
      hold: { timeMs: 3_000, requests: 5, bytes: 2 ** 20 },
      listen: { primary: { address: '0.0.0.0', port: 5432 }, replica: { address: '0.0.0.0', port: 5433 } },
    });
  });

  it.each([
    ['all of it', EVERYTHING],
    ['nothing but the name', upstream('{}')],
    ['a check', upstream('{ from: { check: "service:db role" } }')],
    ['a lock', upstream('{ from: { lock: service/db/leader }, hold: { time: 0, requests: 0, bytes: 0 } }')],
  ])('mean the same when they are shown, of %s', (_what, text) => {
    const config = good(text);
    expect(good(JSON.stringify(redacted(config)))).toEqual(config);
  });

  it('are said by one of four', () => {
    const [line] = complaints(upstream('{ from: { tag: true, meta: role } }'));
    expect(line).toContain(
      'found a map, expected one of { tag: true }, { meta: KEY }, { check: NAME } and { lock: KEY }',
    );
  });

  it.each([
    ['nobody who says them', '{ from: {} }', '', 'upstreams.db.roles.from: found a map'],
    ['a kind that is none', '{ kind: both }', '', 'expected one of primary_replica, multi_primary'],
    ['a preference that is none', '{ read: nearest }', '', 'expected one of prefer_replica, require_replica, primary'],
    ['a word of two words', '{ words: { primary: the first } }', '', 'expected a word of letters, digits'],
    ['one word for both', '{ words: { primary: db, replica: db } }', '', 'expected another word than primary has'],
    ['a method in small letters', '{ reads: { methods: [get] } }', '', 'expected a method in capitals such as GET'],
    ['a path without a slash', '{ reads: { paths: [search] } }', '', 'expected a path such as /search/*'],
    ['a header with a space', '{ reads: { header: "x read" } }', '', 'expected the name of a header'],
    ['a hold that is no duration', '{ hold: { time: 10 } }', '', 'expected a duration such as 500ms or 15s, or 0'],
    ['too much to hold', '{ hold: { bytes: 2GiB } }', '', 'expected a size such as 64KiB, from 1B to 1GiB'],
    ['several primaries without a key', '{ kind: multi_primary }', '', 'found multi_primary without hash'],
    ['a key that nobody knows', '{ form: { tag: true } }', '', 'did you mean from?'],
    ['a port that is taken', '{ ports: { primary: 5432 } }', 'port: 5432, ', 'which upstreams.db.port has already'],
    ['one port for both', '{ ports: { primary: 1, replica: 1 } }', '', 'which upstreams.db.roles.ports.primary has'],
  ])('are refused with %s', (_what, roles, more, expected) => {
    expect(complaints(upstream(roles, more)).join('\n')).toContain(expected);
  });

  it('of a static service come from its file', () => {
    const text = (from: string): string =>
      web(`upstreams: { db: { roles: { from: ${from} } } }\nstatic: { db: ["127.0.0.1:1"] }\n`);
    expect(complaints(text('{ lock: a }'))[0]).toContain(
      'found lock for a service that is static, expected tag or meta',
    );
    expect(complaints(text('{ check: a }'))[0]).toContain('found check for a service that is static');
    expect(complaints(text('{ meta: a }'))).toEqual([]);
  });

  it('make a TCP upstream reachable by the ports of its roles alone', () => {
    expect(complaints(upstream('{ ports: { primary: 0 } }', 'protocol: tcp, '))).toEqual([]);
    expect(complaints(upstream('{}', 'protocol: tcp, '))[0]).toContain('tcp without a port');
  });
});
