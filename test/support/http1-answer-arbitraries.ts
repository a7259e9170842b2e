import fc from 'fast-check';
import { mutated, mutation, often } from './http1-arbitraries.ts';

const version = often(
  12,
  fc.constantFrom('HTTP/1.1', 'HTTP/1.0'),
  fc.constantFrom('HTTP/1.2', 'HTTP/2.0', 'http/1.1', ''),
);
const status = often(
  10,
  fc.constantFrom(
    '200 OK',
    '200 ',
    '204 No Content',
    '304 Not Modified',
    '404 Not Found',
    '503 Busy',
    '226 Used',
    '799 Odd',
  ),
  fc.constantFrom('200', '99 Low', '1000 High', '2x0 Odd', '200 a\tb\xe4', '101 Switching', '-1', ''),
);
const lineEnd = often(40, fc.constant('\r\n'), fc.constantFrom('\n', '\r', '\r\r\n', '\r\n '));

const field = often(
  6,
  fc.constantFrom(
    ...[
      'Server: a',
      'X-A: b',
      'X-A:',
      'x-b:  c d \t',
      'Set-Cookie: a=b',
      'Connection: close',
      'Connection: keep-alive',
    ],
    ...['Content-Length: 5', 'Transfer-Encoding: chunked', 'Keep-Alive: timeout=5', 'Trailer: X-T', 'X-\xfc: \xe4'],
    ...['Connection: x-a, upgrade', 'Upgrade: websocket', 'Date: now', 'Content-Length: 0', 'Content-Type: text/plain'],
  ),
  fc.constantFrom(
    ...['Content-Length: 5, 5', 'Content-Length: +5', 'Content-Length: 0x5', 'Content-Length:', 'Content-Length: 05'],
    ...['Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: identity', 'Transfer-Encoding: xchunked'],
    ...[
      'Transfer-Encoding : chunked',
      ' folded: x',
      'No colon',
      ': empty',
      'X(Y): z',
      'X-N: \0',
      'Content-Length: 1_0',
    ],
    ...[
      'Content-Length: 99999999999999999999',
      'Transfer-Encoding: \x0bchunked',
      'Transfer-Encoding: chunked, chunked',
    ],
  ),
);

const body = fc.constantFrom(
  ...['', 'hello', 'hellohello', 'he', '5\r\nhello\r\n0\r\n\r\n', '0\r\n\r\n', '3;a=b\r\nabc\r\n00\r\nX-T: 1\r\n\r\n'],
  ...[
    '5\nhello\r\n0\r\n\r\n',
    '5\r\nhello0\r\n\r\n',
    ' 5\r\nhello\r\n0\r\n\r\n',
    '5\r\nhello\r\n0\r\n',
    'g\r\n',
    '5\r\nhel',
  ],
);

const head = fc
  .tuple(version, fc.constantFrom(' ', ' ', ' ', ' ', ' ', '  ', '\t'), status, lineEnd)
  .map((parts) => parts.join(''));

const answer = fc
  .tuple(
    head,
    fc.array(fc.tuple(field, lineEnd), { maxLength: 5 }).map((lines) => lines.flat().join('')),
    often(30, fc.constant('\r\n'), fc.constantFrom('\n', '')),
    body,
  )
  .map((parts) => parts.join(''));

const sound = fc.oneof(
  body.map((text) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`),
  body.map((text) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text}`),
  body.map((text) => `HTTP/1.0 200 OK\r\n\r\n${text}`),
);

const interim = often(
  12,
  fc.constantFrom('', '', '', 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'),
  fc.constantFrom('HTTP/1.1 102 Wait\r\nContent-Length: 5\r\n\r\n', 'HTTP/1.0 100 \r\n\r\n', 'HTTP/1.1 100\r\n\n'),
);

/** What an endpoint may say to one request: mostly sound, some slightly wrong, now and then with something behind it. */
export const answerBytes: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.tuple(interim, fc.oneof(answer, sound), often(12, fc.constant(''), sound)).map((parts) => parts.join('')),
    often(2, fc.array(mutation, { maxLength: 0 }), fc.array(mutation, { maxLength: 2 })),
  )
  .map(([text, mutations]) => Buffer.from(mutated(text, mutations), 'latin1'));
