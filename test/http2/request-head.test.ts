import { describe, expect, it } from 'vitest';
import type { FailureCode } from '../../src/base/failure.ts';
import {
  CONNECT,
  type Field,
  GET,
  MAX_TARGET_BYTES,
  POST,
  received,
  requestHead,
  requestOf,
} from '../support/http2-heads.ts';

describe('a request in HTTP/2', () => {
  it('is what its pseudo-fields say', () => {
    const { method, scheme, authority, path, version, upgrade, body } = requestOf([
      ...[':method:PUT', ':scheme:https', ':authority:b.test:8080'].map(fieldOf),
      [':path', '/x?y=1'],
      ['x-a', '1'],
    ]);
    expect({ method, scheme, authority, path, version, upgrade, body }).toEqual({
      ...{ method: 'PUT', scheme: 'https', authority: 'b.test:8080', path: '/x?y=1' },
      ...{ version: '2', upgrade: null, body: 'none' },
    });
  });

  it('shows fields without pseudo-fields, and the crumbs of a cookie as one line', () => {
    const head = requestOf([...GET, ['cookie', 'a=1'], ['x-a', '1'], ['cookie', 'b=2'], ['x-a', '2']]);
    const seen: string[] = [];
    head.forEach((name, value) => seen.push(`${name}: ${value}`));
    expect(seen).toEqual(['cookie: a=1; b=2', 'x-a: 1', 'x-a: 2']);
    expect([head.get('cookie'), head.count('cookie'), head.get('x-a'), head.count('x-a')]).toEqual([
      ...['a=1; b=2', 1, '1, 2', 2],
    ]);
    expect([head.get(':path'), head.count(':path')]).toEqual([null, 0]);
  });

  it('that is too large says what it asks for, and nothing of the request before it', () => {
    const head = received(requestHead(), CONNECT);
    expect(head.read(false, MAX_TARGET_BYTES)).toBe('ok');
    received(head, [[':method', 'HEAD'], ...GET.slice(1), ['x-a', 'a'.repeat(70_000)]]);
    expect(head.read(true, MAX_TARGET_BYTES)).toBe('head_too_large');
    expect([head.method, head.upgrade]).toEqual(['HEAD', null]);
  });

  it('takes pseudo-fields in any order', () => {
    expect(requestOf([...GET].reverse()).path).toBe('/');
  });

  it('has its authority from Host when nothing else says it', () => {
    expect(requestOf([...without(':authority'), ['host', 'b.test']]).authority).toBe('b.test');
    expect(requestOf([...GET, ['host', 'A.test']]).authority).toBe('a.test');
  });

  it('asks OPTIONS of the server as a whole', () => {
    expect(requestOf(changed({ ':method': 'OPTIONS', ':path': '*' })).path).toBe('*');
  });

  it.each<[string, readonly Field[], FailureCode]>([
    ['no method', without(':method'), 'bad_request'],
    ['no scheme', without(':scheme'), 'bad_request'],
    ['no path', without(':path'), 'bad_request'],
    ['no authority at all', without(':authority'), 'bad_request'],
    ['an empty method', changed({ ':method': '' }), 'bad_request'],
    ['an empty path', changed({ ':path': '' }), 'bad_request'],
    ['an empty authority', changed({ ':authority': '' }), 'bad_request'],
    ['an empty authority beside Host', [...changed({ ':authority': '' }), ['host', 'a.test']], 'bad_request'],
    ['an empty Host', [...GET, ['host', '']], 'bad_request'],
    ['a method that is no token', changed({ ':method': 'GET /x HTTP/1.1' }), 'bad_request'],
    ['another scheme', changed({ ':scheme': 'ftp' }), 'bad_request'],
    ['a scheme with more in it', changed({ ':scheme': 'http://b.test/' }), 'bad_request'],
    ['an absolute path', changed({ ':path': 'http://b.test/' }), 'bad_request'],
    ['a path without its slash', changed({ ':path': 'a' }), 'bad_request'],
    ['a path with a blank', changed({ ':path': '/a HTTP/1.1' }), 'bad_request'],
    ['a path with a fragment', changed({ ':path': '/a#b' }), 'bad_request'],
    ['a path that is not ASCII', changed({ ':path': '/\xe4' }), 'bad_request'],
    ['a path with a line end', changed({ ':path': '/a\r\nx-b: 1' }), 'bad_request'],
    ['a star for a path without OPTIONS', changed({ ':path': '*' }), 'bad_request'],
    ['user information', changed({ ':authority': 'u@a.test' }), 'bad_request'],
    ['two authorities in one', changed({ ':authority': 'a.test, b.test' }), 'bad_request'],
    ['an authority with a path', changed({ ':authority': 'a.test/x' }), 'bad_request'],
    ['a port out of range', changed({ ':authority': 'a.test:99999' }), 'bad_request'],
    ['an authority with a line end', changed({ ':authority': 'a.test\r\nx: 1' }), 'bad_request'],
    ['Host against :authority', [...GET, ['host', 'b.test']], 'bad_request'],
    ['Host with another port', [...GET, ['host', 'a.test:80']], 'bad_request'],
    ['Host twice', [...without(':authority'), ['host', 'a.test'], ['host', 'a.test']], 'bad_request'],
    ['a pseudo-field twice', [[':path', '/'], ...GET], 'bad_request'],
    ['a method twice', [[':method', 'GET'], ...GET], 'bad_request'],
    ['a pseudo-field behind others', [['x-a', '1'], ...GET], 'bad_request'],
    ['a pseudo-field behind a cookie', [...without(':path'), ['cookie', 'a=1'], [':path', '/']], 'bad_request'],
    ['a pseudo-field of answers', [[':status', '200'], ...GET], 'bad_request'],
    ['an unknown pseudo-field', [[':x', '1'], ...GET], 'bad_request'],
    ['a pseudo-field in upper case', [[':Method', 'GET'], ...GET], 'bad_request'],
    ['a name in upper case', [...GET, ['X-A', '1']], 'bad_request'],
    ['an empty name', [...GET, ['', '1']], 'bad_request'],
    ['a name with a blank', [...GET, ['x a', '1']], 'bad_request'],
    ['a name with a colon', [...GET, ['x:a', '1']], 'bad_request'],
    ['a name with a line end', [...GET, ['x\r\na', '1']], 'bad_request'],
    ['a value with CR LF', [...GET, ['x-a', '1\r\nx-b: 2']], 'bad_request'],
    ['a value with CR', [...GET, ['x-a', '1\r2']], 'bad_request'],
    ['a value with LF', [...GET, ['x-a', '1\n2']], 'bad_request'],
    ['a value with NUL', [...GET, ['x-a', '1\x002']], 'bad_request'],
    ['a blank before a value', [...GET, ['x-a', ' 1']], 'bad_request'],
    ['a tab behind a value', [...GET, ['x-a', '1\t']], 'bad_request'],
    ['connection', [...GET, ['connection', 'close']], 'bad_request'],
    ['proxy-connection', [...GET, ['proxy-connection', 'close']], 'bad_request'],
    ['keep-alive', [...GET, ['keep-alive', 'timeout=5']], 'bad_request'],
    ['transfer-encoding', [...POST, ['transfer-encoding', 'chunked']], 'bad_request'],
    ['upgrade', [...GET, ['upgrade', 'websocket']], 'bad_request'],
    ['te other than trailers', [...GET, ['te', 'gzip']], 'bad_request'],
    ['te with more than trailers', [...GET, ['te', 'trailers, deflate']], 'bad_request'],
    ['an empty te', [...GET, ['te', '']], 'bad_request'],
    ['another expectation', [...GET, ['expect', 'x']], 'expectation_failed'],
    ['an expectation twice', [...GET, ['expect', '100-continue'], ['expect', '100-continue']], 'expectation_failed'],
    ['TRACE', changed({ ':method': 'TRACE' }), 'method_not_allowed'],
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'a.test:443'],
      ],
      'method_not_allowed',
    ],
    ['CONNECT with a path', changed({ ':method': 'CONNECT' }), 'bad_request'],
    ['CONNECT without an authority', [[':method', 'CONNECT']], 'bad_request'],
    ['a target beyond the limit', changed({ ':path': `/${'a'.repeat(MAX_TARGET_BYTES)}` }), 'uri_too_long'],
    ['more bytes than the list may have', [...GET, ['x-a', 'a'.repeat(70_000)]], 'head_too_large'],
    [
      'more fields than the list may have',
      [...GET, ...Array.from({ length: 130 }, (): Field => ['x-a', '1'])],
      'head_too_large',
    ],
    [
      'a bomb of cookie crumbs',
      [...GET, ...Array.from({ length: 5_000 }, (): Field => ['cookie', 'a=1'])],
      'head_too_large',
    ],
  ])('is refused with %s', (_name, fields, failure) => {
    expect(received(requestHead(), fields).read(true, MAX_TARGET_BYTES)).toBe(failure);
  });

  it('may have 90 crumbs beside 15 other fields', () => {
    const many = Array.from({ length: 105 }, (_, i): Field => (i < 90 ? ['cookie', `a${i}=1`] : [`x-${i}`, '1']));
    expect(requestOf([...GET, ...many]).count('x-104')).toBe(1);
  });

  it('has names that mean something to objects', () => {
    expect(requestOf([...GET, ['__proto__', '1'], ['constructor', '2']]).get('__proto__')).toBe('1');
  });

  it('leaves nothing behind for the next one', () => {
    const head = received(requestHead(), [
      ...POST,
      ...['te:trailers', 'expect:100-continue', 'content-length:5', 'host:a.test'].map(fieldOf),
    ]);
    expect(head.read(false, MAX_TARGET_BYTES)).toBe('ok');
    received(head, changed({ ':authority': 'b.test' }));
    expect(head.read(true, MAX_TARGET_BYTES)).toBe('ok');
    expect([head.acceptsTrailers, head.wantsContinue, head.body, head.contentLength, head.authority]).toEqual([
      ...[false, false, 'none', -1, 'b.test'],
    ]);
    received(head, [[':status', '200']]);
    expect(head.read(true, MAX_TARGET_BYTES)).toBe('bad_request');
    expect(head.method).toBe('');
  });
});

describe('the body of a request in HTTP/2', () => {
  it.each<[string, readonly Field[], boolean, string, number]>([
    ['is none when the stream ends with the head', POST, true, 'none', -1],
    ['has a length that is told', [...POST, ['content-length', '5']], false, 'length', 5],
    ['has a length of none that is told', [...POST, ['content-length', '0']], true, 'length', 0],
    ['has an unknown length else', POST, false, 'chunked', -1],
    ['has a length with zeros in front', [...POST, ['content-length', '005']], false, 'length', 5],
  ])('%s', (_name, fields, isEnd, body, length) => {
    const head = requestOf(fields, isEnd);
    expect([head.body, head.contentLength]).toEqual([body, length]);
  });

  it('is held to its length', () => {
    expect(requestOf([...POST, ['content-length', '5']], false).expectedBytes).toBe(5);
    expect(requestOf(POST, false).expectedBytes).toBe(-1);
  });

  it('has a length that is said as others say it', () => {
    expect(requestOf([...POST, ['content-length', '005']], false).get('content-length')).toBe('5');
  });

  it.each([['+5'], ['-5'], ['0x5'], ['5, 5'], [''], ['5 5'], ['5.0'], ['99999999999999999999'], ['five']])(
    'is refused with the length %j',
    (length) => {
      const head = received(requestHead(), [...POST, ['content-length', length]]);
      expect(head.read(false, MAX_TARGET_BYTES)).toBe('bad_request');
    },
  );

  it('is refused with two lengths, equal or not', () => {
    for (const second of ['5', '6']) {
      const head = received(requestHead(), [...POST, ['content-length', '5'], ['content-length', second]]);
      expect(head.read(false, MAX_TARGET_BYTES)).toBe('bad_request');
    }
  });

  it('is refused when a length is told and the stream ends with the head', () => {
    const head = received(requestHead(), [...POST, ['content-length', '5']]);
    expect(head.read(true, MAX_TARGET_BYTES)).toBe('bad_request');
  });

  it('may wait for an interim answer, unless there is none', () => {
    const fields: readonly Field[] = [...POST, ['expect', '100-Continue']];
    expect(requestOf(fields, false).wantsContinue).toBe(true);
    expect(requestOf(fields, true).wantsContinue).toBe(false);
    expect(requestOf([...fields, ['content-length', '0']], true).wantsContinue).toBe(false);
  });

  it('may be answered with trailers when the client says so', () => {
    expect(requestOf([...POST, ['te', 'trailers']]).acceptsTrailers).toBe(true);
    expect(requestOf(POST).acceptsTrailers).toBe(false);
  });
});

describe('an extended CONNECT', () => {
  it('is shown as the upgrade that it is in HTTP/1.1', () => {
    const { method, upgrade, body, path, expectedBytes } = requestOf(CONNECT, false);
    expect({ method, upgrade, body, path, expectedBytes }).toEqual({
      ...{ method: 'GET', upgrade: 'websocket', body: 'none', path: '/', expectedBytes: -1 },
    });
  });

  it('has a key that HTTP/1.1 needs, its own and another each time', () => {
    const head = requestHead();
    const keys = [1, 2].map(() => {
      received(head, [...CONNECT, ['sec-websocket-key', 'smuggled'], ['sec-websocket-key', 'twice']]);
      expect(head.read(false, MAX_TARGET_BYTES)).toBe('ok');
      expect(head.count('sec-websocket-key')).toBe(1);
      return head.get('sec-websocket-key')!;
    });
    expect(keys[0]).not.toBe(keys[1]);
    for (const key of keys) expect(Buffer.from(key, 'base64')).toHaveLength(16);
  });

  it('asks for other protocols too, without a key', () => {
    const head = requestOf([...changed({ ':method': 'CONNECT' }, CONNECT, { ':protocol': 'connect-udp' })], false);
    expect([head.upgrade, head.get('sec-websocket-key')]).toEqual(['connect-udp', null]);
  });

  it.each<[string, readonly Field[], FailureCode]>([
    ['another method', [[':protocol', 'websocket'], ...GET], 'bad_request'],
    ['no path', without(':path', CONNECT), 'bad_request'],
    ['no scheme', without(':scheme', CONNECT), 'bad_request'],
    ['no authority', without(':authority', CONNECT), 'bad_request'],
    ['an empty protocol', changed({ ':protocol': '' }, CONNECT), 'bad_request'],
    ['two protocols', [[':protocol', 'x'], ...CONNECT], 'bad_request'],
    ['a list of protocols', changed({ ':protocol': 'websocket, h2c' }, CONNECT), 'bad_request'],
    ['a star for a path', changed({ ':path': '*' }, CONNECT), 'bad_request'],
    ['a length', [...CONNECT, ['content-length', '0']], 'bad_request'],
    ['HTTP/2 inside', changed({ ':protocol': 'h2c' }, CONNECT), 'method_not_allowed'],
  ])('is refused with %s', (_name, fields, failure) => {
    expect(received(requestHead(), fields).read(false, MAX_TARGET_BYTES)).toBe(failure);
  });
});

function fieldOf(text: string): Field {
  const colon = text.indexOf(':', 1);
  return [text.slice(0, colon), text.slice(colon + 1)];
}

function without(name: string, fields: readonly Field[] = GET): readonly Field[] {
  return fields.filter((field) => field[0] !== name);
}

function changed(
  values: Readonly<Record<string, string>>,
  fields: readonly Field[] = GET,
  more: Readonly<Record<string, string>> = {},
): readonly Field[] {
  const all = { ...values, ...more };
  return fields.map(([name, value]) => [name, all[name] ?? value]);
}
