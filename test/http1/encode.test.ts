import { describe, expect, it } from 'vitest';
import { failureAnswer } from '../../src/http/answer.ts';
import { Edits, NO_EDITS } from '../../src/http/edits.ts';
import { FieldList, type Fields } from '../../src/http/fields.ts';
import type { RequestHead, ResponseHead } from '../../src/http/head.ts';
import { encodeChunkEnd, encodeChunkStart, encodeLastChunk, lastChunkRoom } from '../../src/http1/encode-chunk.ts';
import { encodeLocal, localRoom } from '../../src/http1/encode-local.ts';
import { encodeRequest, requestRoom } from '../../src/http1/encode-request.ts';
import {
  encodeInterim,
  encodeResponse,
  type Persistence,
  responseFraming,
  responseRoom,
} from '../../src/http1/encode-response.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { ResponseParser } from '../../src/http1/response-parser.ts';

const LIMITS = { maxHeadBytes: 65_536, maxFields: 128, maxTargetBytes: 8_192 };

describe('encodeRequest', () => {
  it('copies a head that needs no change as it is', () => {
    const text = lines('GET /a HTTP/1.1', 'HoSt:  a.test ', 'X-A: 1', 'x-b: 2');
    expect(forwarded(text)).toBe(text);
  });

  it('keeps a known length and says the same', () => {
    const text = lines('POST /a HTTP/1.1', 'Host: a', 'Content-Length: 5');
    expect(forwarded(text)).toBe(text);
  });

  it('writes a length anew that has zeros in front', () => {
    const sent = forwarded(lines('POST /a HTTP/1.1', 'Host: a', 'Content-Length: 005'));
    expect(sent).toBe(lines('POST /a HTTP/1.1', 'Host: a', 'content-length: 5'));
  });

  it('leaves out what belongs to the hop, and every field that Connection names', () => {
    const sent = forwarded(
      lines(
        'GET / HTTP/1.1',
        'Connection: keep-alive, X-Hop',
        'Host: a',
        'Keep-Alive: timeout=5',
        'x-HOP: 1',
        'Proxy-Connection: close',
        'X-Kept: 2',
        'Upgrade: x',
        'TE: gzip',
        'HTTP2-Settings: AAA',
        'X-Hop: 3',
      ),
    );
    expect(sent).toBe(lines('GET / HTTP/1.1', 'Host: a', 'X-Kept: 2'));
  });

  it('keeps Host and the length although Connection names them', () => {
    const sent = forwarded(
      lines('POST / HTTP/1.1', 'Connection: host, content-length', 'Host: a', 'Content-Length: 5'),
    );
    expect(sent).toBe(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5'));
  });

  it('frames an unknown length in chunks of its own', () => {
    const sent = forwarded(lines('POST / HTTP/1.1', 'Transfer-Encoding: Chunked', 'Host: a'));
    expect(sent).toBe(lines('POST / HTTP/1.1', 'Host: a', 'transfer-encoding: chunked'));
  });

  it('says upgrade, trailers and expectation again for its own hop', () => {
    const upgrade = lines(
      'GET / HTTP/1.1',
      'Host: a',
      'Connection: Upgrade',
      'Upgrade: h2c, websocket',
      'TE: trailers',
    );
    expect(forwarded(upgrade)).toBe(
      lines('GET / HTTP/1.1', 'Host: a', 'upgrade: websocket', 'te: trailers', 'connection: upgrade, te'),
    );
    const waits = lines('PUT / HTTP/1.1', 'Host: a', 'Expect: 100-Continue', 'Content-Length: 1', 'TE: trailers');
    expect(forwarded(waits)).toBe(
      lines('PUT / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'expect: 100-continue', 'te: trailers', 'connection: te'),
    );
  });

  it('turns an absolute target into a path and its authority into Host', () => {
    const sent = forwarded(lines('GET http://b.test/x HTTP/1.1', 'Host: a.test', 'X-A: 1'));
    expect(sent).toBe(lines('GET /x HTTP/1.1', 'X-A: 1', 'host: b.test'));
  });

  it('speaks 1.1 for a client of another minor version', () => {
    expect(forwarded(lines('GET / HTTP/1.0', 'Host: a'))).toBe(lines('GET / HTTP/1.1', 'Host: a'));
    expect(forwarded(lines('GET / HTTP/1.3', 'Host: a'))).toBe(lines('GET / HTTP/1.1', 'Host: a'));
  });

  it('always says a Host: that of the edits, else an empty one', () => {
    expect(forwarded(lines('GET / HTTP/1.0'))).toBe(lines('GET / HTTP/1.1', 'host: '));
    const edits = new Edits();
    edits.set('host', 'orders');
    expect(forwarded(lines('GET / HTTP/1.0'), edits)).toBe(lines('GET / HTTP/1.1', 'host: orders'));
    expect(forwarded(lines('GET / HTTP/1.1', 'Host: a'), edits)).toBe(lines('GET / HTTP/1.1', 'host: orders'));
  });

  it('applies edits: out, in, and another target', () => {
    const edits = new Edits();
    edits.remove('x-out');
    edits.set('x-set', 'new');
    edits.append('x-more', '2');
    edits.path = '/other?q';
    const sent = forwarded(
      lines('GET /a HTTP/1.1', 'X-Out: 1', 'Host: a', 'x-OUT: 2', 'X-Set: old', 'X-More: 1', 'X-Sot: kept'),
      edits,
    );
    expect(sent).toBe(lines('GET /other?q HTTP/1.1', 'Host: a', 'X-More: 1', 'X-Sot: kept', 'x-set: new', 'x-more: 2'));
  });

  it('tells names apart that share length, ends and middle', () => {
    const edits = new Edits();
    edits.remove('x-axbxc');
    const text = lines('GET / HTTP/1.1', 'Host: a', 'X-AxBYc: kept', 'x-AYbxC: kept');
    expect(forwarded(text, edits)).toBe(text);
  });

  it('leaves out all of its own fields when told to, but not those it adds', () => {
    const edits = new Edits();
    edits.removesOwn = true;
    edits.append('x-remora-attempt', '1');
    const text = lines('GET / HTTP/1.1', 'Host: a', 'X-Remora-Hop: x', 'x-remora-attempt: 9', 'x-remote: kept');
    expect(forwarded(text, edits)).toBe(lines('GET / HTTP/1.1', 'Host: a', 'x-remote: kept', 'x-remora-attempt: 1'));
    expect(forwarded(text)).toBe(text);
  });

  it('handles more fields than its first room holds', () => {
    const many = Array.from({ length: 100 }, (_, i) => `X-${i}: ${i}`);
    const text = lines('GET / HTTP/1.1', 'Host: a', ...many);
    expect(forwarded(text)).toBe(text);
  });

  it('writes a head of another wire', () => {
    const fields = new FieldList().add('X-A', '1').add('te', 'trailers').add('content-length', '3').add('x-b', '2');
    const head = foreign<RequestHead>(fields, {
      ...{ method: 'POST', scheme: 'http', authority: 'a.test', path: '/p', body: 'length', contentLength: 3 },
      ...{ wantsContinue: false, acceptsTrailers: true, upgrade: null, version: '2' },
    });
    const edits = new Edits();
    edits.set('x-b', '3');
    expect(written(requestRoom(head, edits), (out) => encodeRequest(out, head, edits))).toBe(
      lines(
        ...['POST /p HTTP/1.1', 'x-a: 1', 'x-b: 3', 'host: a.test', 'content-length: 3'],
        ...['te: trailers', 'connection: te'],
      ),
    );
  });
});

describe('encodeResponse', () => {
  it('copies a head that needs no change as it is', () => {
    const text = lines('HTTP/1.1 200 Fine', 'Content-Length: 2', 'X-A: 1');
    expect(answered(text)).toBe(text);
  });

  it('leaves out what belongs to the hop and says its own', () => {
    const text = lines(
      'HTTP/1.1 200 OK',
      'Connection: close, X-Secret',
      'X-Secret: 1',
      'Keep-Alive: timeout=5',
      'Content-Length: 2',
    );
    expect(answered(text, { persistence: 'keep-alive' })).toBe(
      lines('HTTP/1.1 200 OK', 'Content-Length: 2', 'connection: keep-alive'),
    );
  });

  it('keeps lines of Set-Cookie apart', () => {
    const text = lines('HTTP/1.1 200 OK', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Content-Length: 0');
    expect(answered(text)).toBe(text);
  });

  it('gives a body without a known end in chunks, and to HTTP/1.0 until the close', () => {
    const open = lines('HTTP/1.0 200 OK', 'X-A: 1');
    expect(answered(open)).toBe(lines('HTTP/1.1 200 OK', 'X-A: 1', 'transfer-encoding: chunked'));
    const chunked = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    expect(answered(chunked, { minor: 0, persistence: 'close' })).toBe(lines('HTTP/1.1 200 OK', 'connection: close'));
  });

  it('says how long a body would have been, but not where there can be none', () => {
    const head = lines('HTTP/1.1 200 OK', 'Content-Length: 9');
    expect(answered(head, { method: 'HEAD' })).toBe(head);
    const unchanged = lines('HTTP/1.1 304 Not Modified', 'Content-Length: 9');
    expect(answered(unchanged)).toBe(unchanged);
    expect(answered(lines('HTTP/1.1 204 No Content', 'Content-Length: 9'))).toBe(lines('HTTP/1.1 204 No Content'));
    const chunked = lines('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    expect(answered(chunked, { method: 'HEAD' })).toBe(lines('HTTP/1.1 200 OK'));
  });

  it('passes an upgrade on', () => {
    const text = lines('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', 'X-A: 1');
    expect(answered(text, { upgrade: 'websocket', persistence: 'close' })).toBe(
      lines('HTTP/1.1 101 Switching Protocols', 'X-A: 1', 'upgrade: websocket', 'connection: upgrade'),
    );
  });

  it('puts the blank back that a reasonless status line must have', () => {
    expect(answered(lines('HTTP/1.1 200', 'Content-Length: 0'))).toBe(lines('HTTP/1.1 200 ', 'Content-Length: 0'));
  });

  it('writes an interim answer without framing', () => {
    const parser = new ResponseParser(LIMITS);
    parser.begin('GET', null);
    parser.parse(bytesOf(lines('HTTP/1.1 103 Early Hints', 'Link: </a>', 'Content-Length: 5')), 0);
    const room = responseRoom(parser.head, NO_EDITS);
    expect(written(room, (out) => encodeInterim(out, parser.head, NO_EDITS))).toBe(
      lines('HTTP/1.1 103 Early Hints', 'Link: </a>'),
    );
  });

  it('writes a head of another wire', () => {
    const fields = new FieldList().add('content-length', '2').add('x-a', '1');
    const head = foreign<ResponseHead>(fields, { status: 404, body: 'length', contentLength: 2 });
    const room = responseRoom(head, NO_EDITS);
    expect(written(room, (out) => encodeResponse(out, head, NO_EDITS, 'length', 'close'))).toBe(
      lines('HTTP/1.1 404 Not Found', 'x-a: 1', 'content-length: 2', 'connection: close'),
    );
  });
});

describe('encodeLocal', () => {
  const answer = { status: 503, grpcStatus: 14, code: null, fields: new FieldList().add('x-a', '1'), body: 'gräßlich' };

  it('counts bytes, not characters', () => {
    expect(local(answer, false, 'implied')).toBe(
      `${lines('HTTP/1.1 503 Service Unavailable', 'x-a: 1', 'content-length: 10')}${latin1('gräßlich')}`,
    );
  });

  it('leaves out the body for HEAD and keeps its length', () => {
    expect(local(answer, true, 'close')).toBe(
      lines('HTTP/1.1 503 Service Unavailable', 'x-a: 1', 'content-length: 10', 'connection: close'),
    );
  });

  it('has neither for a status without content', () => {
    expect(local({ ...answer, status: 204 }, false, 'implied')).toBe(lines('HTTP/1.1 204 No Content', 'x-a: 1'));
  });

  it('has a reason for every failure', () => {
    expect(local(failureAnswer('loop_detected'), true, 'close')).toMatch(/^HTTP\/1\.1 508 Loop Detected\r\n/);
  });

  it('adds the lines of edits', () => {
    const edits = new Edits();
    edits.set('x-a', '2');
    expect(written(localRoom(answer, edits), (out) => encodeLocal(out, answer, edits, true, 'implied'))).toBe(
      lines('HTTP/1.1 503 Service Unavailable', 'x-a: 2', 'content-length: 10'),
    );
  });
});

describe('chunks', () => {
  it('have a size, their bytes, and an end', () => {
    const text = written(64, (out) => {
      encodeChunkStart(out, 255);
      encodeChunkEnd(out);
      encodeLastChunk(out, null);
    });
    expect(text).toBe('ff\r\n\r\n0\r\n\r\n');
  });

  it('end with trailers when there are some', () => {
    const trailers = new FieldList().add('x-sum', '1').add('x-b', '2');
    expect(written(lastChunkRoom(trailers), (out) => encodeLastChunk(out, trailers))).toBe(
      '0\r\nx-sum: 1\r\nx-b: 2\r\n\r\n',
    );
  });

  it('end without trailers that HTTP/2 has and HTTP/1.1 must not', () => {
    const trailers = new FieldList().add('grpc-status', '0');
    for (const name of ['date', 'x-forwarded-for', 'content-length', 'transfer-encoding', 'http2-settings']) {
      trailers.add(name, '1');
    }
    expect(written(lastChunkRoom(trailers), (out) => encodeLastChunk(out, trailers))).toBe(
      '0\r\ngrpc-status: 0\r\n\r\n',
    );
  });
});

function forwarded(text: string, edits: Edits = NO_EDITS): string {
  const parser = new RequestParser(LIMITS, 'http');
  expect(parser.parse(bytesOf(text), 0), parser.failure).toBe(text.length);
  return written(requestRoom(parser.head, edits), (out) => encodeRequest(out, parser.head, edits));
}

function answered(
  text: string,
  how: { method?: string; upgrade?: string; minor?: number; persistence?: Persistence } = {},
): string {
  const parser = new ResponseParser(LIMITS);
  parser.begin(how.method ?? 'GET', how.upgrade ?? null);
  expect(parser.parse(bytesOf(text), 0)).toBe(text.length);
  const framing = responseFraming(parser.head, how.minor ?? 1);
  const room = responseRoom(parser.head, NO_EDITS);
  return written(room, (out) => encodeResponse(out, parser.head, NO_EDITS, framing, how.persistence ?? 'implied'));
}

function local(answer: Parameters<typeof encodeLocal>[1], isHead: boolean, persistence: Persistence): string {
  const room = localRoom(answer, NO_EDITS);
  return written(room, (out) => encodeLocal(out, answer, NO_EDITS, isHead, persistence));
}

/** What an encoder writes into exactly the room it asked for. */
function written(room: number, encode: (out: { bytes: Buffer; end: number }) => void): string {
  const out = { bytes: Buffer.alloc(room + 1), end: 0 };
  encode(out);
  expect(out.end).toBeLessThanOrEqual(room);
  return out.bytes.toString('latin1', 0, out.end);
}

function foreign<Head extends Fields>(fields: FieldList, rest: Omit<Head, keyof Fields>): Head {
  const own = { get: (name: string) => fields.get(name), count: (name: string) => fields.count(name) };
  return { ...rest, ...own, forEach: fields.forEach.bind(fields) } as unknown as Head;
}

function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`;
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
