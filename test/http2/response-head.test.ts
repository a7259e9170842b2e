import { describe, expect, it } from 'vitest';
import { type Http2Asked, Http2ResponseHead } from '../../src/http2/response-head.ts';
import { type Field, PLAIN, received, responseOf } from '../support/http2-heads.ts';

const WEBSOCKET: Http2Asked = { isHead: false, upgrade: 'websocket', webSocketKey: 'dGhlIHNhbXBsZSBub25jZQ==' };
const HEAD: Http2Asked = { ...PLAIN, isHead: true };

describe('an answer in HTTP/2', () => {
  it.each<[string, string, string | null, boolean, Http2Asked, string, number, number]>([
    ['a length that is told', '200', '5', false, PLAIN, 'length', 5, 5],
    ['an unknown length', '200', null, false, PLAIN, 'chunked', -1, -1],
    ['no bytes when the stream ends with it', '200', null, true, PLAIN, 'length', 0, 0],
    ['no bytes when it says so', '404', '0', true, PLAIN, 'length', 0, 0],
    ['none for HEAD, whatever its length', '200', '5', true, HEAD, 'none', -1, 0],
    ['none for HEAD, whenever the stream ends', '200', null, false, HEAD, 'none', -1, 0],
    ['none for 204', '204', null, false, PLAIN, 'none', -1, 0],
    ['none for 304, whatever its length', '304', '5', true, PLAIN, 'none', -1, 0],
    ['none when it is an interim one', '103', null, false, PLAIN, 'none', -1, 0],
  ])('has a body with %s', (_name, status, length, isEnd, asked, body, contentLength, expected) => {
    const fields: Field[] = [[':status', status]];
    if (length !== null) fields.push(['content-length', length]);
    const head = responseOf(fields, isEnd, asked);
    expect([head.status, head.body, head.contentLength, head.expectedBytes]).toEqual([
      ...[Number(status), body, contentLength, expected],
    ]);
  });

  it.each<[string, readonly Field[], boolean]>([
    ['no status', [['x-a', '1']], false],
    ['nothing', [], false],
    ['a status twice', [status(200), status(200)], false],
    ['a status of two digits', [[':status', '99']], false],
    ['a status of four digits', [[':status', '2000']], false],
    ['a status with a sign', [[':status', '+20']], false],
    ['a status that begins with zero', [[':status', '099']], false],
    ['a status with its reason', [[':status', '200 OK']], false],
    ['an empty status', [[':status', '']], false],
    ['101', [status(101)], false],
    ['an interim status and the end of the stream', [status(100)], true],
    ['a field before the status', [['x-a', '1'], status(200)], false],
    ['a pseudo-field of requests', [status(200), [':path', '/']], false],
    ['an unknown pseudo-field', [status(200), [':x', '1']], false],
    ['connection', [status(200), ['connection', 'close']], false],
    ['transfer-encoding', [status(200), ['transfer-encoding', 'chunked']], false],
    ['upgrade', [status(426), ['upgrade', 'h2c']], false],
    ['te', [status(200), ['te', 'trailers']], false],
    ['a name in upper case', [status(200), ['X-A', '1']], false],
    ['CR LF in a value', [status(200), ['x-a', '1\r\nx-b: 2']], false],
    ['a length that is no number', [status(200), ['content-length', '5,5']], false],
    ['a length that is no number in an interim answer', [status(103), ['content-length', 'x']], false],
    ['two lengths', [status(200), ['content-length', '5'], ['content-length', '5']], false],
    ['a length and the end of the stream', [status(200), ['content-length', '5']], true],
    ['more than the list may have', [status(200), ['x-a', 'a'.repeat(70_000)]], false],
  ])('is refused with %s', (_name, fields, isEnd) => {
    expect(received(new Http2ResponseHead(), fields).read(isEnd, PLAIN)).toBe(false);
  });

  it('leaves nothing behind for the next one', () => {
    const head = responseOf([status(200), ['content-length', '5']]);
    received(head, [status(103)]);
    expect(head.read(false, PLAIN)).toBe(true);
    expect([head.status, head.body, head.contentLength]).toEqual([103, 'none', -1]);
  });
});

describe('the answer to an extended CONNECT', () => {
  it('is shown as a 101 with the protocol, and with the proof that a client of HTTP/1.1 waits for', () => {
    const head = responseOf([status(200), ['sec-websocket-accept', 'forged'], ['x-a', '1']], false, WEBSOCKET);
    expect([head.status, head.body, head.contentLength, head.expectedBytes]).toEqual([101, 'raw', -1, -1]);
    expect(head.get('upgrade')).toBe('websocket');
    // The pair of RFC 6455, 1.3.
    expect(head.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  it('has no proof without a key, or for another protocol', () => {
    const unasked = responseOf([status(204)], false, { ...WEBSOCKET, webSocketKey: null });
    expect([unasked.status, unasked.get('sec-websocket-accept')]).toEqual([101, null]);
    const other = responseOf([status(200)], false, { ...WEBSOCKET, upgrade: 'connect-udp' });
    expect([other.get('upgrade'), other.get('sec-websocket-accept')]).toEqual(['connect-udp', null]);
  });

  it('is an answer like any other when it refuses', () => {
    const head = responseOf([status(403), ['content-length', '5']], false, WEBSOCKET);
    expect([head.status, head.body, head.get('upgrade')]).toEqual([403, 'length', null]);
  });

  it('is preceded by interim answers', () => {
    expect(responseOf([status(103)], false, WEBSOCKET).status).toBe(103);
  });
});

function status(code: number): Field {
  return [':status', String(code)];
}
