import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import { Edits } from '../../../src/http/edits.ts';
import { sendCookie } from '../../../src/http/set-cookie.ts';
import { Placed } from '../../../src/proxy/placement.ts';
import type { HashKey } from '../../../src/route/hash-key.ts';
import { CookieText, cookieIn, MadeCookieKey } from '../../../src/route/keys/cookie.ts';
import type { MadeCookie } from '../../../src/route/keys/options.ts';
import { TextKey } from '../../../src/route/keys/text.ts';
import { requestHead, responseHead } from '../../support/exchange-script.ts';
import { GET, http1Request, requestOf, responseOf } from '../../support/http2-heads.ts';
import { hashed, wordOf } from '../../support/keys.ts';

const ALICE = '73a3ea485f2e6049';
const SESSION: MadeCookie = { ttlMs: 0, path: '/', httpOnly: true, secure: false, sameSite: null, domain: null };

function keyOf(made: Partial<MadeCookie> | null = null): HashKey {
  if (made === null) return new TextKey(new CookieText('sid'));
  return new MadeCookieKey('sid', { ...SESSION, ...made }, new SeededRandom(1));
}

describe('a cookie', () => {
  it.each([
    ['sid=a', 'a'],
    ['x=1; sid=a; y=2', 'a'],
    ['x=1;sid=a;y=2', 'a'],
    ['sid=a; sid=b', 'a'],
    ['xsid=1; sid=a', 'a'],
    ['sid2=1; sid=a', 'a'],
    ['SID=1', null],
    ['sid', null],
    ['sid; sid=a', 'a'],
    ['sid=', null],
    ['sid=; sid=a', null],
    ['sid=""', null],
    ['sid="a b"', 'a b'],
    ['sid="', '"'],
    ['sid=a=b', 'a=b'],
    ['x="sid=a"', null],
    [' \tsid= a \t; y', 'a'],
    [';;; sid=a', 'a'],
    ['x=1, sid=a', null],
    ['', null],
  ])('is read in %j as %j', (line, value) => {
    expect(cookieIn(line, 'sid')).toBe(value);
  });

  it('is the same key whatever the request came in', () => {
    const heads = [
      http1Request('GET / HTTP/1.1', 'Host: a', 'Cookie: x=1; sid=alice; y=2'),
      http1Request('GET / HTTP/1.1', 'Host: a', 'Cookie: sid=alice', 'Cookie: y=2'),
      http1Request('GET / HTTP/1.1', 'Host: a', 'Cookie: x=1', 'Cookie: sid=alice'),
      requestOf([...GET, ['cookie', 'x=1; sid=alice']]),
      requestOf([...GET, ['cookie', 'sid=alice'], ['cookie', 'x=1']]),
      requestOf([...GET, ['cookie', 'x=1'], ['cookie', 'sid=alice']]),
    ];
    expect(heads.map((head) => hashed(keyOf(), head))).toEqual(heads.map(() => ALICE));
  });

  it('is the first of its name among any others, on one line or in crumbs', () => {
    const name = fc.constantFrom('sid', 'sid2', 'xsid', 'SID', 'a');
    const value = fc.string({ unit: fc.constantFrom('a', '=', 'sid', ',', '"', '%', '.'), maxLength: 6 });
    const text = new CookieText('sid');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 6 }), (cookies) => {
        const crumbs = cookies.map(([key, one]) => `${key}=${one}`);
        const first = cookies.find(([key]) => key === 'sid')?.[1] ?? '';
        const expected = first.replace(/^"(.*)"$/, '$1') || null;
        expect(text.read(http1Request('GET / HTTP/1.1', 'Host: a', `Cookie: ${crumbs.join('; ')}`))).toBe(expected);
        expect(text.read(requestOf([...GET, ...crumbs.map((crumb) => ['cookie', crumb] as const)]))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('is a key however long it is', () => {
    const long = requestHead({ fields: { cookie: `sid=${'a'.repeat(10_000)}` } });
    expect(hashed(keyOf(), long)).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is none without it, and none of an opaque connection', () => {
    expect(hashed(keyOf(), requestHead())).toBeNull();
    expect(hashed(keyOf({}), null)).toBeNull();
  });
});

describe('a cookie that is made', () => {
  const made = (options: Partial<MadeCookie>, fields = {}): Placed => {
    const placed = new Placed([]);
    hashed(keyOf(options), requestHead({ fields }), placed);
    return placed;
  };

  it('is hashed as it will come back', () => {
    const placed = made({});
    const word = wordOf(placed);
    const [, value] = /^sid=([0-9a-f]{32});/.exec(placed.setCookie!)!;
    expect(placed.isMarked).toBe(true);
    expect(hashed(keyOf(), requestHead({ fields: { cookie: `sid=${value}` } }))).toBe(word);
  });

  it('is another one each time', () => {
    const key = keyOf({});
    const cookies = Array.from({ length: 100 }, () => {
      const placed = new Placed([]);
      hashed(key, requestHead(), placed);
      return placed.setCookie;
    });
    expect(new Set(cookies).size).toBe(100);
  });

  it('is made in place of an empty one, and not where there is one', () => {
    expect(made({}, { cookie: 'sid=' }).setCookie).not.toBeNull();
    expect(made({}, { cookie: 'sid=x' })).toMatchObject({ setCookie: null, isMarked: false });
  });

  it.each<[Partial<MadeCookie>, string]>([
    [{}, '; Path=/; HttpOnly'],
    [{ ttlMs: 3_600_000 }, '; Max-Age=3600; Path=/; HttpOnly'],
    [{ ttlMs: 1_001 }, '; Max-Age=2; Path=/; HttpOnly'],
    [{ path: '/app', domain: 'a.test' }, '; Path=/app; Domain=a.test; HttpOnly'],
    [{ httpOnly: false, secure: true, sameSite: 'None' }, '; Path=/; Secure; SameSite=None'],
  ])('says %j as %s', (options, words) => {
    expect(made(options).setCookie!.replace(/^sid=[0-9a-f]{32}/, '')).toBe(words);
  });

  it('goes beside other cookies of an answer, and gives way to one of its name', () => {
    const added = (answer: ReturnType<typeof responseHead>): string[] => {
      const edits = new Edits();
      sendCookie('sid=1; Path=/', answer, edits);
      return edits.values.slice(0, edits.addedCount);
    };
    expect(added(responseHead(200))).toEqual(['sid=1; Path=/']);
    expect(added(responseHead(200, 'none', -1, { 'set-cookie': 'sid2=x' }))).toEqual(['sid=1; Path=/']);
    expect(added(responseHead(200, 'none', -1, { 'set-cookie': 'sid=x' }))).toEqual([]);
    const two = responseOf([
      [':status', '200'],
      ['set-cookie', 'a=b'],
      ['set-cookie', 'sid=x'],
    ]);
    expect(added(two)).toEqual([]);
  });
});
