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
        lag: null,
      },
      read: 'prefer_replica',
      reads: { methods: ['GET', 'HEAD', 'OPTIONS'], header: null, paths: [] },
      hold: { timeMs: 10_000, requests: 1_000, bytes: 16 * 2 ** 20 },
      lag: null,
      readYourWrites: null,
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
        lag: null,
      },
      read: 'any',
      reads: { methods: ['GET'], header: 'x-read', paths: ['/search/*', '/pkg.Orders/Get*'] },
      hold: { timeMs: 3_000, requests: 5, bytes: 2 ** 20 },
      lag: null,
      readYourWrites: null,
      listen: { primary: { address: '0.0.0.0', port: 5432 }, replica: { address: '0.0.0.0', port: 5433 } },
    });
  });

  it('take a bound on lag, and a token for who has written', () => {
    const lag = '{ max: 3s, keep: 1, from: { check: "db lag" }, header: X-Lag }';
    const config = rolesOf(upstream(`{ lag: ${lag}, readYourWrites: { for: 30s, cookie: wrote, position: X-LSN } }`));
    expect(config!.rule.lag).toEqual({ kind: 'check', name: 'db lag' });
    expect(config!.lag).toEqual({ maxMs: 3_000, keep: 1, header: 'x-lag' });
    const carrier = { kind: 'cookie', name: 'wrote' };
    expect(config!.readYourWrites).toEqual({ forMs: 30_000, carrier, position: 'x-lsn' });
    const short = rolesOf(upstream('{ lag: { from: { meta: lag } }, readYourWrites: { header: X-Wrote } }'));
    expect(short!.rule.lag).toEqual({ kind: 'meta', key: 'lag' });
    expect(short!.lag).toEqual({ maxMs: 10_000, keep: 2, header: null });
    const header = { kind: 'header', name: 'x-wrote' };
    expect(short!.readYourWrites).toEqual({ forMs: 10_000, carrier: header, position: null });
    expect(rolesOf(upstream('{ lag: { max: 0, header: x } }'))!.lag!.maxMs).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    ['all of it', EVERYTHING],
    ['a bound on lag', upstream('{ lag: { max: 0, keep: 3, from: { meta: lag }, header: x-lag } }')],
    ['a cookie for who has written', upstream('{ readYourWrites: { for: 1m, cookie: wrote, position: x-lsn } }')],
    ['a header for them', upstream('{ lag: { from: { check: lag } }, readYourWrites: { header: x-wrote } }')],
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
    ['lag that nobody tells', '{ lag: { max: 1s } }', '', 'expected from, header, or both'],
    [
      'lag that two tell',
      '{ lag: { from: { meta: a, check: b } } }',
      '',
      'expected either { meta: KEY } or { check: NAME }',
    ],
    ['nobody kept', '{ lag: { keep: 0, header: x } }', '', 'expected a whole number from 1 to 1000'],
    ['a token nowhere', '{ readYourWrites: {} }', '', 'expected either cookie: NAME or header: NAME'],
    [
      'a token twice',
      '{ readYourWrites: { cookie: a, header: b } }',
      '',
      'expected either cookie: NAME or header: NAME',
    ],
    ['a token in a header of HTTP', '{ readYourWrites: { header: Host } }', '', 'that is not of HTTP itself'],
    [
      'clients that must not ask the primary',
      '{ read: require_replica, readYourWrites: { cookie: a } }',
      '',
      'roles.readYourWrites: found readYourWrites with read: require_replica, expected read: prefer_replica or any',
    ],
    [
      'clients that ask it anyway',
      '{ read: primary, readYourWrites: { cookie: a } }',
      '',
      'roles.readYourWrites: found readYourWrites with read: primary',
    ],
    [
      'positions of several primaries',
      '{ kind: multi_primary, readYourWrites: { cookie: a, position: x } }',
      'hash: { header: x }, ',
      'roles.readYourWrites.position: found positions of several primaries',
    ],
    [
      'a cookie for callers that keep none',
      '{ readYourWrites: { cookie: a } }',
      'protocol: grpc, ',
      'roles.readYourWrites.cookie: found a cookie for protocol grpc, expected header',
    ],
    [
      'fields of bytes that have none',
      '{ ports: { primary: 0 }, lag: { header: x }, readYourWrites: { cookie: a } }',
      'protocol: tcp, ',
      'roles.lag.header: found a header for protocol tcp',
    ],
    [
      'a cookie that is something else already',
      '{ readYourWrites: { cookie: a } }',
      'balance: maglev, hash: { cookie: { name: a, ttl: 1h } }, ',
      'roles.readYourWrites.cookie: found the cookie a, expected another name than that of hash',
    ],
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
    const late = (from: string): string =>
      web(`upstreams: { db: { roles: { lag: { from: ${from} } } } }\nstatic: { db: ["127.0.0.1:1"] }\n`);
    expect(complaints(late('{ check: a }'))[0]).toContain(
      'roles.lag.from.check: found check for a service that is static',
    );
    expect(complaints(late('{ meta: a }'))).toEqual([]);
  });

  it('make a TCP upstream reachable by the ports of its roles alone', () => {
    expect(complaints(upstream('{ ports: { primary: 0 } }', 'protocol: tcp, '))).toEqual([]);
    expect(complaints(upstream('{}', 'protocol: tcp, '))[0]).toContain('tcp without a port');
  });
});
