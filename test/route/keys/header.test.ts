import { describe, expect, it } from 'vitest';
import { HeaderKey } from '../../../src/route/keys/header.ts';
import { SourceText } from '../../../src/route/keys/source.ts';
import { TextKey } from '../../../src/route/keys/text.ts';
import { GET, http1Request, requestOf } from '../../support/http2-heads.ts';
import { hashed, PEER } from '../../support/keys.ts';

const key = new HeaderKey('x-user');
const inHttp1 = (...values: string[]) =>
  http1Request('GET / HTTP/1.1', 'Host: a', ...values.map((v) => `X-User: ${v}`));
const inHttp2 = (...values: string[]) => requestOf([...GET, ...values.map((v) => ['x-user', v] as const)]);

describe('the key of a header', () => {
  it('is the same whatever the request came in', () => {
    expect(hashed(key, inHttp1('alice'))).toBe('73a3ea485f2e6049');
    expect(hashed(key, inHttp2('alice'))).toBe('73a3ea485f2e6049');
  });

  // Computed in Python with the package xxhash: for each value, sorted: h = xxh64(value, seed=h).
  it.each([
    [['b', 'a'], '76d9a1916ddca8e6'],
    [['foo', 'bar', 'foo'], '75a4c78062451b99'],
    [['x'.repeat(40), 'y'], '3258fba1845b9be4'],
    [['\u00e9', 'e'], 'e75e8cac049af049'],
  ])('is made of all lines %j, in any order', (values, word) => {
    expect(hashed(key, inHttp1(...values))).toBe(word);
    expect(hashed(key, inHttp1(...values.toReversed()))).toBe(word);
    expect(hashed(key, inHttp2(...values))).toBe(word);
  });

  it('is none without the header, and none of an opaque connection', () => {
    expect(hashed(key, inHttp1())).toBeNull();
    expect(hashed(key, null)).toBeNull();
  });
});

it('the key of a source is its address, whatever its port', () => {
  const here = hashed(new TextKey(new SourceText()), null);
  expect(hashed(new TextKey(new SourceText()), null, undefined, { ...PEER, port: 1 })).toBe(here);
  expect(hashed(new TextKey(new SourceText()), null, undefined, { ...PEER, address: '10.0.0.8' })).not.toBe(here);
});
