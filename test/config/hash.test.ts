import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { complaints, good, web } from './parse.ts';

const upstream = (hash: string, more = ''): string =>
  web(`consul: {}\nupstreams: { a: { port: 1, balance: ring_hash, ${more}hash: ${hash} } }\n`);
const keysOf = (text: string) => good(text).upstreams.get('a')!.hash;
const complaintsOf = (hash: string, more = ''): string[] =>
  complaints(upstream(hash, more)).map((line) => line.replace(/^\S+ /, ''));

const SOURCES =
  'one of { header: NAME }, { cookie: { name: NAME } }, { query: NAME }, { path: { segment: N } }, { path: { regex: PATTERN } } and { source: true }';

const PLAIN_COOKIE = { ttlMs: 0, path: '/', httpOnly: true, secure: false, sameSite: null, domain: null };

describe('hash', () => {
  it('is a list of sources in their order', () => {
    const list = `[ { header: X-User, terminal: true }, { cookie: { name: sid, ttl: 1h } }, { query: user },
      { path: { segment: 2 } }, { path: { regex: '/t/([^/]+)' } }, { source: true } ]`;
    expect(keysOf(upstream(list))).toEqual([
      { kind: 'header', name: 'x-user', terminal: true },
      { kind: 'cookie', name: 'sid', made: { ...PLAIN_COOKIE, ttlMs: 3_600_000 }, terminal: false },
      { kind: 'query', name: 'user', terminal: false },
      { kind: 'segment', number: 2, terminal: false },
      { kind: 'pattern', pattern: '/t/([^/]+)', terminal: false },
      { kind: 'source', terminal: false },
    ]);
  });

  it('may be a map where it is one source', () => {
    expect(keysOf(upstream('{ header: a }'))).toEqual(keysOf(upstream('[ { header: a } ]')));
  });

  it('makes a cookie only where it says how long that lives', () => {
    const made = (cookie: string) => keysOf(upstream(`{ cookie: ${cookie} }`))![0];
    expect(made('{ name: sid }')).toMatchObject({ made: null });
    expect(made('{ name: sid, ttl: 0 }')).toMatchObject({ made: PLAIN_COOKIE });
    expect(made('{ name: sid, ttl: 0s }')).toMatchObject({ made: PLAIN_COOKIE });
    const attributes = '{ httpOnly: false, secure: true, sameSite: None, domain: example.org }';
    expect(made(`{ name: sid, ttl: 720h, path: /app, attributes: ${attributes} }`)).toMatchObject({
      made: {
        ttlMs: 720 * 3_600_000,
        path: '/app',
        httpOnly: false,
        secure: true,
        sameSite: 'None',
        domain: 'example.org',
      },
    });
  });

  it.each([
    '{ header: a }',
    '[ { header: a, terminal: true }, { source: true } ]',
    '{ cookie: { name: sid } }',
    '{ cookie: { name: sid, ttl: 0 } }',
    '{ cookie: { name: sid, ttl: 90m, path: /x, attributes: { sameSite: Lax, domain: a.example } } }',
    '[ { query: q }, { path: { segment: 1 } }, { path: { regex: "/a|/b" } } ]',
  ])('is shown as something that means the same, of %s', (hash) => {
    const config = good(upstream(hash));
    expect(good(JSON.stringify(redacted(config)))).toEqual(config);
  });

  it.each([
    ['[]', 'upstreams.a.hash: found an empty list, expected a list of 1 to 8'],
    ['7', `upstreams.a.hash: found 7, expected ${SOURCES}, or a list of them`],
    ['[ {} ]', `upstreams.a.hash[0]: found a map, expected ${SOURCES}`],
    ['[ { header: a, query: b } ]', `upstreams.a.hash[0]: found a map, expected ${SOURCES}`],
    ['{ terminal: true }', `upstreams.a.hash: found a map, expected ${SOURCES}, or a list of them`],
    [
      '{ heder: a }',
      'upstreams.a.hash.heder: found an unknown key, expected one of header, cookie, query, path, source, terminal; did you mean header?',
    ],
    [
      '[ { heder: a } ]',
      'upstreams.a.hash[0].heder: found an unknown key, expected one of header, cookie, query, path, source, terminal; did you mean header?',
    ],
    ['{ header: "a b" }', 'upstreams.a.hash.header: found "a b", expected the name of a header'],
    ['[ { cookie: { name: "a;b" } } ]', 'upstreams.a.hash[0].cookie.name: found "a;b", expected the name of a cookie'],
    [
      '{ cookie: { name: a, path: "/;x" } }',
      'upstreams.a.hash.cookie.path: found "/;x", expected a path that begins with / and has no ";" in it',
    ],
    [
      '{ cookie: { name: a, attributes: { domain: "a;b" } } }',
      'upstreams.a.hash.cookie.attributes.domain: found "a;b", expected an IP address or a host name',
    ],
    [
      '{ cookie: { name: a, ttl: 500ms } }',
      'upstreams.a.hash.cookie.ttl: found "500ms", expected a duration of at least 1s such as 500ms or 15s, or 0 for none',
    ],
    [
      '{ query: "a=b" }',
      'upstreams.a.hash.query: found "a=b", expected the name of a parameter as it stands in the query, without &, =, # and blanks',
    ],
    ['{ path: { segment: 0 } }', 'upstreams.a.hash.path.segment: found 0, expected a whole number from 1 to 32'],
    [
      '{ path: { segment: 1, regex: a } }',
      'upstreams.a.hash.path: found a map, expected either { segment: N } or { regex: PATTERN }',
    ],
    [
      '{ path: { regex: "(" } }',
      'upstreams.a.hash.path.regex: found "(", expected a regular expression as JavaScript has them',
    ],
    [
      '[ { path: { regex: "(a+)+b" } } ]',
      'upstreams.a.hash[0].path.regex: found "(a+)+b", expected a regular expression with no repeat, option or alternative inside of what is repeated',
    ],
    ['{ source: false }', 'upstreams.a.hash.source: found false, expected true'],
  ])('is refused by name, as %s', (hash, line) => {
    expect(complaintsOf(hash)).toEqual([line]);
  });

  it.each([
    ['header', '{ header: a }'],
    ['cookie', '{ cookie: { name: a } }'],
    ['query', '{ query: a }'],
    ['path', '{ path: { segment: 1 } }'],
  ])('knows no %s of opaque connections', (kind, hash) => {
    const complaint = (at: string) =>
      `upstreams.a.hash${at}.${kind}: found a ${kind} for protocol tcp, expected { source: true }`;
    expect(complaintsOf(hash, 'protocol: tcp, ')).toEqual([complaint('')]);
    expect(complaintsOf(`[ { source: true }, ${hash} ]`, 'protocol: tcp, ')).toEqual([complaint('[1]')]);
    expect(complaintsOf(hash, 'protocol: auto, ')).toEqual([]);
  });

  it('knows no query of calls, and makes no cookies for them', () => {
    expect(complaintsOf('[ { query: a } ]', 'protocol: grpc, ')).toEqual([
      'upstreams.a.hash[0].query: found a query for protocol grpc, expected a key that calls have, such as { header: NAME }',
    ]);
    expect(complaintsOf('{ cookie: { name: a, ttl: 1h } }', 'protocol: grpc, ')).toEqual([
      'upstreams.a.hash.cookie.ttl: found a cookie to make for protocol grpc, expected no ttl: callers of gRPC keep no cookies',
    ]);
    expect(
      complaintsOf('[ { header: a }, { cookie: { name: a } }, { path: { segment: 1 } } ]', 'protocol: grpc, '),
    ).toEqual([]);
  });

  it('makes one cookie at most', () => {
    expect(
      complaintsOf('[ { cookie: { name: a, ttl: 0 } }, { source: true }, { cookie: { name: b, ttl: 1h } } ]'),
    ).toEqual(['upstreams.a.hash[2].cookie.ttl: found a second cookie to make, expected one ttl in a hash']);
  });

  it('makes no cookie that browsers refuse', () => {
    expect(complaintsOf('{ cookie: { name: a, ttl: 0, attributes: { sameSite: None } } }')).toEqual([
      'upstreams.a.hash.cookie.attributes.sameSite: found sameSite None without secure, expected secure: true beside it, or no browser takes the cookie',
    ]);
  });
});
