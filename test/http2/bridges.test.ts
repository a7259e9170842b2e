import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { Http2ResponseHead } from '../../src/http2/response-head.ts';
import {
  asHttp1Request,
  asHttp1Response,
  encodedRequest,
  encodedResponse,
  type Field,
  fieldsOf,
  GET,
  http1Request,
  http1Response,
  MAX_TARGET_BYTES,
  PLAIN,
  received,
  requestHead,
  requestOf,
  responseOf,
} from '../support/http2-heads.ts';

const TOKEN = [..."!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"];
const VALUE = [...' \t', ...characters(0x21, 0x7e), ...characters(0x80, 0xff)];
/** What a connection keeps for itself, and what each hop says anew. */
const HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings', 'te'];
const ANEW = [...HOP, 'host', 'content-length', 'expect', 'sec-websocket-key', 'sec-websocket-accept'];

const value = fc
  .string({ unit: fc.constantFrom(...VALUE), maxLength: 30 })
  .map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
const name = fc
  .oneof(
    fc.constantFrom('x-a', 'x-b', 'accept', 'cookie', 'set-cookie', 'authorization', 'x-remora-hop', '__proto__'),
    fc.string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 30 }),
  )
  .filter((text) => !ANEW.includes(text));
const passing = fc.array(fc.tuple(name, value), { maxLength: 20 });

/** A field whose name Connection says, and others that end here. */
const hops = fc.subarray([
  ...['keep-alive: timeout=5', 'proxy-connection: keep-alive', 'http2-settings: AAMAAABk', 'te: gzip', 'x-hop: 1'],
  ...['Upgrade: x', 'X-HOP: 2'],
]);

describe('whatever the two wires, of a request', () => {
  it('nothing of the hop survives and all else does: HTTP/1.1, HTTP/2, HTTP/1.1', () => {
    fc.assert(
      fc.property(passing, hops, fc.nat(20), (fields, hop, position) => {
        const lines = fields.map(([name, value]) => `${name.toUpperCase()}:  ${value} `);
        lines.splice(position, 0, ...hop);
        const head = http1Request('GET /a?b HTTP/1.1', 'Host: a.test', 'Connection: x-hop, close', ...lines);
        const sent = encodedRequest(head);
        expect(plain(sent)).toEqual([...plain(GET.slice(0, 3)), ':path: /a?b', ...lineTexts(fields)]);
        const again = asHttp1Request(requestOf(sent));
        expect(again).toEqual(['GET /a?b HTTP/1.1', ...joined(fields), 'host: a.test']);
        expect(http1Request(...again).authority).toBe('a.test');
      }),
    );
  });

  it('all survives from HTTP/2 to HTTP/2, secrets as such', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value, fc.boolean()), { maxLength: 20 }), (fields) => {
        const sent = fields.map(
          ([name, value, isSecret]): Field => (isSecret ? [name, value, 'secret'] : [name, value]),
        );
        const expected = sent.map(
          (field): Field => (field[0] === 'authorization' ? [field[0], field[1], 'secret'] : field),
        );
        expect(encodedRequest(requestOf([...GET, ...sent]))).toEqual([...GET, ...expected]);
      }),
    );
  });
});

describe('whatever the two wires, of an answer', () => {
  it('nothing of the hop survives and all else does: HTTP/1.1, HTTP/2, HTTP/1.1', () => {
    fc.assert(
      fc.property(passing, hops, fc.nat(20), (fields, hop, position) => {
        const lines = fields.map(([name, value]) => `${name.toUpperCase()}:${value}`);
        lines.splice(position, 0, ...hop);
        const head = http1Response({}, 'HTTP/1.1 404 Gone', 'Connection: x-hop', 'Content-Length: 3', ...lines);
        const sent = encodedResponse(head);
        expect(plain(sent)).toEqual([':status: 404', 'content-length: 3', ...lineTexts(fields)]);
        expect(asHttp1Response(responseOf(sent))).toEqual([
          ...['HTTP/1.1 404 Not Found', ...joined(fields), 'content-length: 3'],
        ]);
      }),
    );
  });
});

describe('whatever a peer sends in HTTP/2', () => {
  const any = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 6,
  });
  const nasty = fc.oneof(
    fc.constantFrom(
      ...['/', '/a', 'GET', 'POST', 'http', 'a.test', 'b.test', 'chunked', '5', '0', 'trailers', '100-continue'],
    ),
    fc.constantFrom(
      ...['\r\n', '/\r\nx: y', 'a\r\n\r\nGET /b HTTP/1.1', '5\r\n', 'a\0', '/ HTTP/1.1', ' x', 'x ', '5, 5', '+5'],
    ),
    any,
  );
  const names = fc.oneof(
    fc.constantFrom(...[':method', ':scheme', ':authority', ':path', ':status', ':protocol', ':x', '', 'X-A', 'x-a']),
    fc.constantFrom(...[...ANEW, 'cookie', 'x\r\ny', 'x: y', 'x y']),
    any,
  );
  const fields = fc.array(fc.tuple(names, nasty), { maxLength: 5 });

  it('a request is refused, or is one request in HTTP/1.1 too', () => {
    let passed = 0;
    fc.assert(
      fc.property(fields, fields, fc.boolean(), fc.integer({ min: 0, max: 9 }), (before, after, isEnd, spoils) => {
        const all = [...(spoils === 0 ? before : []), ...GET, ...after];
        const head = received(requestHead(), all);
        if (head.read(isEnd, MAX_TARGET_BYTES) !== 'ok') return;
        passed++;
        const lines = asHttp1Request(head);
        for (const line of lines) expect(line).not.toMatch(/[\r\n\0]/);
        // The parser of HTTP/1.1 is the judge: it refuses what could be read in two ways.
        const judged = http1Request(...lines);
        expect([
          judged.method,
          judged.path,
          judged.authority,
          judged.body,
          judged.contentLength,
          judged.upgrade,
        ]).toEqual([...[head.method, head.path, head.authority, head.body, head.contentLength, head.upgrade]]);
        const again = requestOf(encodedRequest(head), isEnd);
        expect([again.method, again.path, again.authority, again.body, again.contentLength, again.upgrade]).toEqual([
          ...[head.method, head.path, head.authority, head.body, head.contentLength, head.upgrade],
        ]);
      }),
      { numRuns: 2_000 },
    );
    expect(passed).toBeGreaterThan(100);
  });

  it('an answer is refused, or is one answer in HTTP/1.1 too', () => {
    let passed = 0;
    fc.assert(
      fc.property(fc.constantFrom('200', '204', '304', '404', '999'), fields, fc.boolean(), (status, after, isEnd) => {
        const head = received(new Http2ResponseHead(), [[':status', status], ...after]);
        if (!head.read(isEnd, PLAIN)) return;
        passed++;
        const lines = asHttp1Response(head);
        for (const line of lines) expect(line).not.toMatch(/[\r\n\0]/);
        const judged = http1Response({}, ...lines);
        expect([judged.status, judged.body, judged.contentLength]).toEqual([
          head.status,
          head.body,
          head.contentLength,
        ]);
      }),
      { numRuns: 2_000 },
    );
    expect(passed).toBeGreaterThan(100);
  });

  it('a block lends nothing of the one before', () => {
    const block = received(new FieldBlock(), [...GET, ['x-a', '1']]);
    expect(fieldsOf(received(block, [['x-b', '2']]))).toEqual([['x-b', '2']]);
  });
});

function characters(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i));
}

function plain(fields: readonly Field[]): string[] {
  return fields.map(([name, value]) => `${name}: ${value}`);
}

function lineTexts(fields: readonly (readonly [string, string])[]): string[] {
  return fields.map(([name, value]) => `${name}: ${value}`);
}

/** The crumbs of a cookie are one line in HTTP/1.1. */
function joined(fields: readonly (readonly [string, string])[]): string[] {
  const crumbs = fields.filter(([name]) => name === 'cookie').map(([, value]) => value);
  let isFirst = true;
  return fields.flatMap(([name, value]) => {
    if (name !== 'cookie') return [`${name}: ${value}`];
    if (!isFirst) return [];
    isFirst = false;
    return [`cookie: ${crumbs.join('; ')}`];
  });
}
