import { describe, expect, it } from 'vitest';
import type { Client } from '../../src/http/conduit.ts';
import { Edits, NO_EDITS } from '../../src/http/edits.ts';
import type { ResponseHead } from '../../src/http/head.ts';
import { DEFAULT_STALE, type StaleOptions } from '../../src/policy/fallback.ts';
import { StaleCache } from '../../src/proxy/stale-cache.ts';
import { type RequestText, requestHead, responseHead } from '../support/exchange-script.ts';

type Texts = Readonly<Record<string, string>>;

function cacheOf(options: Partial<StaleOptions> = {}): StaleCache {
  return new StaleCache({ ...DEFAULT_STALE, ...options });
}

function put(cache: StaleCache, request: RequestText, fields: Texts = {}, body = 'good', now = 0): void {
  const copy = cache.copy(requestHead(request), responseHead(200, 'length', body.length, fields), now);
  copy.add(Buffer.from(body));
  copy.finish(now);
  copy.drop();
}

const kept = (fields: Texts, request: RequestText = {}, options: Partial<StaleOptions> = {}, age = 0): boolean => {
  const cache = cacheOf(options);
  put(cache, request, fields);
  const has = cache.has(requestHead(request), age);
  if (cache.size === 0) expect(cache.bytes).toBe(0);
  return has;
};

describe('parts of one cache', () => {
  const has = (cache: StaleCache, part: string, path = '/'): boolean =>
    cache.within(part).has(requestHead({ path }), 0);
  const putIn = (cache: StaleCache, part: string, path = '/', body = 'good'): void => {
    const copy = cache.within(part).copy(requestHead({ path }), responseHead(200, 'length', body.length), 0);
    copy.add(Buffer.from(body));
    copy.finish(0);
  };

  it('know nothing of the answers of one another', () => {
    const cache = cacheOf();
    putIn(cache, 'v1');
    expect([has(cache, 'v1'), has(cache, 'v2'), has(cache, '')]).toEqual([true, false, false]);
    putIn(cache, 'v2');
    putIn(cache, '');
    expect([has(cache, 'v1'), has(cache, 'v2'), has(cache, ''), cache.size]).toEqual([true, true, true, 3]);
  });

  it('are all untrue when one of them is written to', () => {
    const cache = cacheOf();
    for (const part of ['v1', 'v2', '']) putIn(cache, part);
    cache.within('v2').copy(requestHead({ method: 'POST' }), responseHead(200), 0);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });

  it('lose an answer that may not be kept any more each for itself, wherever it stands', () => {
    for (const lost of ['a', 'b', 'c']) {
      const cache = cacheOf();
      for (const part of ['a', 'b', 'c']) putIn(cache, part);
      cache.within(lost).copy(requestHead({}), responseHead(200, 'until_close'), 2_000);
      expect(['a', 'b', 'c'].filter((part) => has(cache, part))).toEqual(['a', 'b', 'c'].filter((one) => one !== lost));
    }
  });

  it('are bounded together, and each target has so many and no more', () => {
    const cache = cacheOf({ maxEntries: 3 });
    for (const part of ['a', 'b']) putIn(cache, part, '/x');
    for (const part of ['a', 'b']) putIn(cache, part, '/y');
    expect([cache.size, has(cache, 'a', '/x'), has(cache, 'b', '/x')]).toEqual([3, false, true]);
    expect(cache.counts.evicted).toBe(1);

    const wide = cacheOf();
    for (let i = 0; i < 20; i++) putIn(wide, `part ${i}`);
    expect([wide.size, wide.counts.evicted]).toEqual([8, 12]);
    expect([has(wide, 'part 11'), has(wide, 'part 12')]).toEqual([false, true]);
    const small = cacheOf({ maxBytes: 1_000 });
    for (let i = 0; i < 20; i++) putIn(small, `part ${i}`, '/', 'x'.repeat(300));
    expect(small.bytes).toBeLessThanOrEqual(1_000);
    for (let i = 0; i < 20; i++) small.within(`part ${i}`).copy(requestHead({ method: 'PUT' }), responseHead(204), 0);
    expect([small.size, small.bytes]).toEqual([0, 0]);
  });
});

describe('an answer is kept', () => {
  it('not when only the end of its connection says that it is whole, and what was kept before is not true any more', () => {
    const cache = cacheOf();
    put(cache, {});
    const copy = cache.copy(requestHead({}), responseHead(200, 'until_close'), 2_000);
    copy.add(Buffer.from('ha'));
    copy.finish(2_000);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });

  it.each([
    [{}, true],
    [{ 'cache-control': 'max-age=60, public' }, true],
    [{ 'cache-control': 'No-Store' }, false],
    [{ 'cache-control': 'private' }, false],
    [{ 'cache-control': 'private="set-cookie"' }, false],
    [{ 'cache-control': 'no-cache' }, false],
    [{ 'cache-control': 'max-age=9, must-revalidate' }, false],
    [{ 'cache-control': 'proxy-revalidate' }, false],
    [{ 'cache-control': 's-maxage=60' }, false],
    [{ 'cache-control': 's-maxage=60, stale-if-error=60' }, true],
    [{ 'cache-control': 'stale-if-error=soon' }, false],
    [{ 'set-cookie': 'a=b' }, false],
    [{ vary: '*' }, false],
    [{ vary: 'Accept' }, true],
  ])('as %j lets it: %s', (fields, expected) => expect(kept(fields as Texts)).toBe(expected));

  it.each([
    [{ method: 'POST' }, false],
    [{ fields: { range: 'bytes=0-1' } }, false],
    [{ fields: { authorization: 'x' } }, false],
    [{ fields: { cookie: 'a=b' } }, false],
    [{ fields: { 'cache-control': 'no-store' } }, false],
    [{ body: 'chunked' }, false],
  ] as const)('for a request as %j: %s', (request, expected) =>
    expect(kept({}, request as RequestText)).toBe(expected),
  );

  it('for so long as it may be old, or as it says itself', () => {
    expect(kept({}, {}, { maxAgeMs: 5_000 }, 4_999)).toBe(true);
    expect(kept({}, {}, { maxAgeMs: 5_000 }, 5_000)).toBe(false);
    const says = { 'cache-control': 'max-age=10, stale-if-error="20"', age: '7' };
    expect(kept(says, {}, {}, 22_999)).toBe(true);
    expect(kept(says, {}, {}, 23_000)).toBe(false);
  });
});

it('gives each its own: target, what Vary names, and credentials where they are allowed', () => {
  const cache = cacheOf({ credentials: true });
  put(cache, { path: '/x', fields: { accept: 'a', cookie: 'me' } }, { vary: 'Accept' });
  const has = (path: string, fields: Texts) => cache.has(requestHead({ path, fields }), 0);
  expect(has('/x', { accept: 'a', cookie: 'me' })).toBe(true);
  expect(has('/x', { accept: 'b', cookie: 'me' })).toBe(false);
  expect(has('/x', { accept: 'a', cookie: 'you' })).toBe(false);
  expect(has('/x', { accept: 'a' })).toBe(false);
  expect(has('/y', { accept: 'a', cookie: 'me' })).toBe(false);
  expect(cache.has(requestHead({ path: '/x', authority: 'other', fields: { accept: 'a', cookie: 'me' } }), 0)).toBe(
    false,
  );
});

it('forgets a target that was written to, is gone, or may not be kept any more', () => {
  const cache = cacheOf();
  const forgets = (request: RequestText, head: ResponseHead): boolean => {
    put(cache, {});
    cache.copy(requestHead(request), head, 5_000).drop();
    return !cache.has(requestHead(), 5_000);
  };
  expect(forgets({ method: 'POST' }, responseHead(303))).toBe(true);
  expect(forgets({ method: 'POST' }, responseHead(409))).toBe(false);
  expect(forgets({}, responseHead(404))).toBe(true);
  expect(forgets({}, responseHead(500))).toBe(false);
  expect(forgets({}, responseHead(200, 'none', -1, { 'cache-control': 'no-store' }))).toBe(true);
  expect(cache.bytes).toBe(0);
});

it('copies a target once a second, and never puts an older answer over a newer', () => {
  const cache = cacheOf();
  put(cache, {}, {}, 'one', 0);
  put(cache, {}, {}, 'two', 999);
  const late = cache.copy(requestHead(), responseHead(200, 'length', 4), 1_000);
  put(cache, {}, {}, 'three', 2_000);
  late.add(Buffer.from('late'));
  late.finish(2_500);
  expect(cache.counts.kept).toBe(2);
  expect(bodyOf(cache, 2_500)).toBe('three');
  put(cache, { path: '/y' }, {}, 'y', 2_500);
  expect(cache.size).toBe(2);
});

it('keeps within its bounds whatever comes, and counts what did not fit', () => {
  const cache = cacheOf({ maxEntries: 3, maxBytes: 10_000, maxBodyBytes: 4_000 });
  for (let i = 0; i < 20; i++) put(cache, { path: `/${i}` });
  expect([cache.size, cache.counts.evicted]).toEqual([3, 17]);
  put(cache, { path: '/big' }, {}, 'x'.repeat(4_001));
  expect(cache.counts.too_large).toBe(1);
  const endless = cache.copy(requestHead({ path: '/endless' }), responseHead(200, 'chunked'), 0);
  for (let i = 0; i < 10; i++) endless.add(Buffer.alloc(1_000));
  endless.finish(0);
  expect(cache.counts.too_large).toBe(2);
  const open = Array.from({ length: 9 }, (_, i) =>
    cache.copy(requestHead({ path: `/o${i}` }), responseHead(200, 'chunked'), 0),
  );
  for (const copy of open) copy.add(Buffer.alloc(3_000));
  expect(cache.bytes).toBeLessThanOrEqual(10_000);
  for (const copy of open) copy.drop();
  for (const i of [17, 18, 19]) cache.copy(requestHead({ method: 'DELETE', path: `/${i}` }), responseHead(204), 0);
  expect([cache.size, cache.bytes]).toEqual([0, 0]);
});

it('bounds the body alone by the size of bodies, and not what is kept beside it', () => {
  const cache = cacheOf({ maxBodyBytes: 4 });
  put(cache, { path: '/fits' }, { 'x-long': 'x'.repeat(500) }, 'good');
  put(cache, { path: '/does-not' }, {}, 'wrong');
  expect([cache.size, cache.counts.too_large]).toEqual([1, 1]);
});

it('answers a HEAD from what a GET was answered, without its body', () => {
  const cache = cacheOf();
  put(cache, {}, { 'x-remora-hop': 'a', 'content-length': '4', connection: 'x-gone', 'x-gone': '1', etag: 'e' });
  const asked = requestHead({ method: 'HEAD' });
  expect(cache.has(asked, 1)).toBe(true);
  const said: string[] = [];
  const client = {
    sendHead: (head: ResponseHead) => {
      head.forEach((name, value) => said.push(`${name}: ${value}`));
      said.push(head.body);
    },
    sendBody: () => said.push('body'),
    sendEnd: () => said.push('end'),
  } as unknown as Client;
  cache.answer(asked, client, new Edits(), 1);
  expect(said).toEqual(['etag: e', 'content-length: 4', 'none', 'end']);
});

function bodyOf(cache: StaleCache, now: number): string {
  let body = '';
  const client = {
    sendHead: () => undefined,
    sendBody: (bytes: Buffer) => (body += bytes.toString()) !== '',
    sendEnd: () => undefined,
  } as unknown as Client;
  cache.answer(requestHead(), client, new Edits(), now);
  expect(NO_EDITS.addedCount).toBe(0);
  return body;
}
