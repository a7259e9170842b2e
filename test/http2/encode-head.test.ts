import { describe, expect, it } from 'vitest';
import { FAILURES } from '../../src/base/failure.ts';
import { failureAnswer, type LocalAnswer } from '../../src/http/answer.ts';
import { Edits } from '../../src/http/edits.ts';
import { FieldList, type Fields } from '../../src/http/fields.ts';
import { grpcAnswer } from '../../src/http/grpc.ts';
import type { RequestHead, ResponseHead } from '../../src/http/head.ts';
import {
  asHttp1Request,
  asHttp1Response,
  CONNECT,
  encodedLocal,
  encodedRequest,
  encodedResponse,
  type Field,
  GET,
  http1Request,
  http1Response,
  PLAIN,
  POST,
  requestOf,
  responseOf,
} from '../support/http2-heads.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

describe('a request from HTTP/1.1 to HTTP/2', () => {
  it('has pseudo-fields first, lower-case names, and no Host', () => {
    const head = http1Request('PUT /a?b HTTP/1.1', 'X-A: 1', 'HOST: b.test:80', 'Cookie: a=1; b=2', 'X-A: 2');
    expect(encodedRequest(head)).toEqual([
      ...[
        [':method', 'PUT'],
        [':scheme', 'http'],
        [':authority', 'b.test:80'],
        [':path', '/a?b'],
      ],
      ...[
        ['x-a', '1'],
        ['cookie', 'a=1; b=2'],
        ['x-a', '2'],
      ],
    ]);
  });

  it('leaves out what belongs to the hop, and every field that Connection names', () => {
    const head = http1Request(
      ...['POST / HTTP/1.1', 'Connection: keep-alive, X-Hop', 'Host: a.test', 'Keep-Alive: timeout=5', 'x-HOP: 1'],
      ...['Proxy-Connection: close', 'X-Kept: 2', 'Upgrade: x', 'TE: gzip', 'HTTP2-Settings: AAA'],
      'Transfer-Encoding: chunked',
    );
    expect(encodedRequest(head)).toEqual([...POST, ['x-kept', '2']]);
  });

  it('says length, expectation and trailers again', () => {
    const head = http1Request(
      ...['POST / HTTP/1.1', 'Host: a.test', 'Content-Length: 005', 'Expect: 100-Continue', 'TE: trailers, deflate'],
    );
    expect(encodedRequest(head)).toEqual([
      ...POST,
      ['content-length', '5'],
      ['expect', '100-continue'],
      ['te', 'trailers'],
    ]);
    const plain = http1Request('POST / HTTP/1.1', 'Content-Length: 5', 'Host: a.test', 'X-A: 1');
    expect(encodedRequest(plain)).toEqual([...POST, ['content-length', '5'], ['x-a', '1']]);
  });

  it('has no authority when there is none', () => {
    expect(encodedRequest(http1Request('GET / HTTP/1.0'))).toEqual(GET.filter(([name]) => name !== ':authority'));
  });

  it('takes the authority of an absolute target', () => {
    const head = http1Request('GET https://b.test/x HTTP/1.1', 'Host: a.test');
    expect(encodedRequest(head)).toEqual([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'b.test'],
      [':path', '/x'],
    ]);
  });

  it('applies edits: out, in, another target, another host', () => {
    const edits = new Edits();
    edits.remove('x-out');
    edits.set('x-set', 'new');
    edits.append('x-more', '2');
    edits.set('host', 'orders');
    edits.path = '/other';
    edits.removesOwn = true;
    edits.set('x-remora-attempt', '1');
    const fields = ['X-Out: 1', 'X-Set: old', 'x-OUT: 2', 'X-More: 1', 'X-Remora-Hop: 1', 'X-Sot: kept', 'x-remote: 1'];
    const expected = [
      ...[
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'orders'],
        [':path', '/other'],
      ],
      ...[
        ['x-more', '1'],
        ['x-sot', 'kept'],
        ['x-remote', '1'],
        ['x-set', 'new'],
        ['x-more', '2'],
        ['x-remora-attempt', '1'],
      ],
    ];
    expect(encodedRequest(http1Request('GET / HTTP/1.1', 'Host: a.test', ...fields), edits)).toEqual(expected);
    const same = fields.map((line): Field => [line.split(': ')[0]!.toLowerCase(), line.split(': ')[1]!]);
    expect(encodedRequest(requestOf([...GET, ...same]), edits)).toEqual(expected);
    expect(encodedRequest(foreign<RequestHead>(same, requestOf(GET)), edits)).toEqual(expected);
  });

  it('makes an extended CONNECT of an upgrade, without the key', () => {
    const head = http1Request(
      ...['GET /chat HTTP/1.1', 'Host: a.test', 'Upgrade: h2c, Foo, WebSocket', 'Connection: Upgrade'],
      ...[`Sec-WebSocket-Key: ${KEY}`, 'Sec-WebSocket-Version: 13'],
    );
    expect(encodedRequest(head)).toEqual([
      ...[
        [':method', 'CONNECT'],
        [':scheme', 'http'],
        [':authority', 'a.test'],
        [':path', '/chat'],
      ],
      ...[
        [':protocol', 'websocket'],
        ['sec-websocket-version', '13'],
      ],
    ]);
  });

  it('asks for no upgrade by another method, which an extended CONNECT could not say', () => {
    const head = http1Request('POST / HTTP/1.1', 'Host: a.test', 'Upgrade: x', 'Connection: upgrade');
    expect(encodedRequest(head)).toEqual(POST);
  });
});

describe('a request from HTTP/2', () => {
  const crumbs: Field[] = [
    ['cookie', 'a=1'],
    ['x-a', '1', 'secret'],
    ['cookie', 'b=2', 'secret'],
  ];

  it('to HTTP/2 stays as it is: crumbs, secrets, length', () => {
    const fields: Field[] = [...POST, ...crumbs, ['content-length', '5']];
    expect(encodedRequest(requestOf(fields, false))).toEqual(fields);
  });

  it('to HTTP/2 has a secret target', () => {
    const fields: Field[] = [...GET.slice(0, 2), [':authority', 'a.test', 'secret'], [':path', '/token', 'secret']];
    expect(encodedRequest(requestOf(fields))).toEqual(fields);
  });

  it('to HTTP/2 drops Host and says te and expect again', () => {
    const fields: Field[] = [...POST, ['host', 'A.test'], ['te', 'Trailers'], ['expect', '100-Continue'], ['x-a', '1']];
    expect(encodedRequest(requestOf(fields, false))).toEqual([
      ...POST,
      ['x-a', '1'],
      ['expect', '100-continue'],
      ['te', 'trailers'],
    ]);
  });

  it('to HTTP/1.1 has its crumbs in one line, a Host, and what this hop needs', () => {
    const fields: Field[] = [...POST, ...crumbs, ['te', 'trailers'], ['expect', '100-continue'], ['host', 'a.test']];
    expect(asHttp1Request(requestOf(fields, false))).toEqual([
      ...['POST / HTTP/1.1', 'cookie: a=1; b=2', 'x-a: 1', 'host: a.test', 'transfer-encoding: chunked'],
      ...['expect: 100-continue', 'te: trailers', 'connection: te'],
    ]);
  });

  it('to HTTP/1.1 has one length', () => {
    expect(asHttp1Request(requestOf([...POST, ['content-length', '05'], ['x-a', '1']], false))).toEqual([
      ...['POST / HTTP/1.1', 'x-a: 1', 'host: a.test', 'content-length: 5'],
    ]);
  });

  it('to HTTP/1.1 is an upgrade with a key when it is an extended CONNECT', () => {
    const lines = asHttp1Request(requestOf(CONNECT, false));
    expect(lines).toEqual([
      ...['GET / HTTP/1.1', 'sec-websocket-version: 13', expect.stringMatching(/^sec-websocket-key: \S{22}==$/)],
      ...['host: a.test', 'upgrade: websocket', 'connection: upgrade'],
    ]);
    expect(http1Request(...lines).upgrade).toBe('websocket');
  });

  it('to HTTP/2 is an extended CONNECT again, without a key', () => {
    const sent = encodedRequest(requestOf(CONNECT, false));
    expect(sent).toEqual([
      ...[
        [':method', 'CONNECT'],
        [':scheme', 'http'],
        [':authority', 'a.test'],
        [':path', '/'],
      ],
      ...[
        [':protocol', 'websocket'],
        ['sec-websocket-version', '13'],
      ],
    ]);
    expect(requestOf(sent, false).upgrade).toBe('websocket');
  });
});

describe('an answer to HTTP/2', () => {
  it('from HTTP/1.1 has no reason, nothing of the hop, and lines of Set-Cookie apart', () => {
    const head = http1Response(
      {},
      ...['HTTP/1.1 200 Fine', 'Connection: close, X-Hop', 'X-Hop: 1', 'Set-Cookie: a=1', 'Set-Cookie: b=2'],
      'Transfer-Encoding: chunked',
    );
    expect(encodedResponse(head)).toEqual([
      [':status', '200'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
  });

  it('says how long a body is or would have been, but not where there can be none', () => {
    const told: Field[] = [
      [':status', '200'],
      ['content-length', '9'],
    ];
    const lines = ['HTTP/1.1 200 OK', 'Content-Length: 9'];
    expect(encodedResponse(http1Response({}, ...lines))).toEqual(told);
    expect(encodedResponse(http1Response({}, 'HTTP/1.1 200 OK', 'Content-Length: 09'))).toEqual(told);
    expect(encodedResponse(http1Response({ method: 'HEAD' }, ...lines))).toEqual(told);
    expect(encodedResponse(responseOf(told, true, { ...PLAIN, isHead: true }))).toEqual(told);
    expect(encodedResponse(responseOf(told))).toEqual(told);
    expect(encodedResponse(foreign<ResponseHead>(told.slice(1), responseOf(told)))).toEqual(told);
    for (const status of ['103', '204']) {
      const fields: Field[] = [
        [':status', status],
        ['content-length', '9'],
      ];
      expect(encodedResponse(responseOf(fields))).toEqual([[':status', status]]);
      expect(encodedResponse(http1Response({}, `HTTP/1.1 ${status} x`, 'Content-Length: 9'))).toEqual([
        [':status', status],
      ]);
    }
  });

  it('is not said to be empty where its stream says so', () => {
    const bare: Field[] = [
      [':status', '200'],
      ['grpc-status', '0'],
    ];
    const head = responseOf(bare, true);
    expect(encodedResponse(head)).toEqual(bare);
    expect(asHttp1Response(head)).toEqual(['HTTP/1.1 200 OK', 'grpc-status: 0', 'content-length: 0']);
  });

  it('switches protocols with 200', () => {
    const head = http1Response(
      { upgrade: 'websocket' },
      ...['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', 'X-A: 1'],
      `Sec-WebSocket-Accept: ${ACCEPT}`,
    );
    const expected: Field[] = [
      [':status', '200'],
      ['x-a', '1'],
    ];
    expect(encodedResponse(head)).toEqual(expected);
    const asked = { isHead: false, upgrade: 'websocket', webSocketKey: KEY };
    expect(encodedResponse(responseOf(expected, false, asked))).toEqual(expected);
  });

  it('loses the lines of its edits', () => {
    const edits = new Edits();
    edits.set('x-a', '2');
    expect(
      encodedResponse(
        responseOf([
          [':status', '200'],
          ['x-a', '1'],
          ['x-b', '1'],
        ]),
        edits,
      ),
    ).toEqual([
      [':status', '200'],
      ['x-b', '1'],
      ['x-a', '2'],
    ]);
  });
});

describe('an answer from HTTP/2 to HTTP/1.1', () => {
  it('switches protocols with the proof that the client waits for', () => {
    const asked = { isHead: false, upgrade: 'websocket', webSocketKey: KEY };
    const head = responseOf(
      [
        [':status', '200'],
        ['sec-websocket-protocol', 'chat'],
      ],
      false,
      asked,
    );
    const lines = asHttp1Response(head);
    expect(lines).toEqual([
      ...['HTTP/1.1 101 Switching Protocols', 'sec-websocket-protocol: chat', `sec-websocket-accept: ${ACCEPT}`],
      ...['upgrade: websocket', 'connection: upgrade'],
    ]);
    expect(http1Response({ upgrade: 'websocket' }, ...lines).body).toBe('raw');
  });

  it('frames a body of unknown length', () => {
    expect(
      asHttp1Response(
        responseOf([
          [':status', '200'],
          ['x-a', '1'],
        ]),
      ),
    ).toEqual([...['HTTP/1.1 200 OK', 'x-a: 1', 'transfer-encoding: chunked']]);
  });
});

describe('an answer of our own in HTTP/2', () => {
  const answer: LocalAnswer = {
    ...{ status: 503, grpcStatus: 14, code: null },
    fields: new FieldList().add('x-a', '1').add('connection', 'close'),
    body: 'gräßlich',
  };

  it('counts bytes, not characters, and leaves out what HTTP/2 has not', () => {
    expect(encodedLocal(answer)).toEqual([
      [':status', '503'],
      ['x-a', '1'],
      ['content-length', '10'],
    ]);
  });

  it('says no length without content', () => {
    expect(encodedLocal({ ...answer, status: 204 })).toEqual([
      [':status', '204'],
      ['x-a', '1'],
    ]);
  });

  it('takes lines of edits, and the gRPC form', () => {
    const edits = new Edits();
    edits.set('x-remora-failure', 'other');
    expect(encodedLocal(grpcAnswer(failureAnswer('no_route')), edits)).toEqual([
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['grpc-status', '12'],
      ['grpc-message', `remora: no_route: ${FAILURES.no_route.meaning} ${FAILURES.no_route.remedy}`],
      ['proxy-status', 'remora; error=destination_not_found; details="no_route"'],
      ['x-remora-failure', 'other'],
    ]);
  });
});

describe('the room for a block', () => {
  const many = Array.from({ length: 100 }, (_, i): Field => [`x-${i}`, 'v'.repeat(i * 3)]);
  const lines = many.map(([name, value]) => `${name}: ${value}`);

  it('is enough for a head of any wire', () => {
    const own = requestOf([...GET, ...many]);
    expect(encodedRequest(own)).toEqual([...GET, ...many]);
    expect(encodedRequest(foreign<RequestHead>(many, own))).toEqual([...GET, ...many]);
    expect(encodedRequest(http1Request('GET / HTTP/1.1', 'Host: a.test', ...lines))).toEqual([...GET, ...many]);
    const answer = http1Response({}, 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ...lines);
    expect(encodedResponse(answer)).toEqual([[':status', '200'], ...many]);
  });

  it('is enough for long texts and for edits', () => {
    const edits = new Edits();
    for (const [name, value] of many) edits.append(name, value);
    edits.path = `/${'p'.repeat(4_000)}`;
    const head = http1Request('GET / HTTP/1.1', `Host: ${'h'.repeat(4_000)}`);
    expect(encodedRequest(head, edits).length).toBe(GET.length + many.length);
    expect(encodedRequest(requestOf([...GET.slice(0, 3), [':path', `/${'p'.repeat(4_000)}`]])).length).toBe(GET.length);
  });
});

/** The same head with other fields, of a wire that nobody knows. */
function foreign<Head extends Fields>(fields: readonly Field[], like: Head): Head {
  const list = new FieldList();
  for (const [name, value] of fields) list.add(name, value);
  const own = { get: (name: string) => list.get(name), count: (name: string) => list.count(name) };
  return { ...like, ...own, forEach: list.forEach.bind(list) };
}
