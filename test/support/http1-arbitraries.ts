import fc from 'fast-check';

/** Bytes that parsers disagree on, and some that they do not. */
const NASTY = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  '\x0b',
  ':',
  ',',
  ';',
  '"',
  '0',
  'a',
  '\x7f',
  '\x80',
  '\xff',
  '#',
  '-',
  '+',
];

export const often = <T>(weight: number, usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: rare });

const method = often(
  8,
  fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'OPTIONS'),
  fc.constantFrom('BREW', 'get', 'CONNECT', '', 'G(T'),
);
const target = often(
  6,
  fc.constantFrom('/', '/a/b?c=d', '/%20', '*', 'http://b.test/x', 'http://b.test'),
  fc.constantFrom('', '/a b', '/a#b', 'a.test:80', '/\xe4', 'http://u@b.test/', '//x', '/"<>\\^`{|}'),
);
const version = often(
  12,
  fc.constantFrom('HTTP/1.1', 'HTTP/1.0'),
  fc.constantFrom('HTTP/1.2', 'HTTP/2.0', 'http/1.1', '', 'HTTP/1.1 '),
);
const lineEnd = often(40, fc.constant('\r\n'), fc.constantFrom('\n', '\r', '\r\r\n', '\r\n '));

const field = often(
  6,
  fc.constantFrom(
    ...['Host: a.test', 'X-A: b', 'X-A:', 'x-b:  c d \t', 'Accept: */*', 'Connection: close', 'Connection: keep-alive'],
    ...['Content-Length: 5', 'Transfer-Encoding: chunked', 'Expect: 100-continue', 'TE: trailers', 'X-\xfc: \xe4'],
    ...['Connection: upgrade', 'Upgrade: websocket', 'Connection: x-a, te', 'Cookie: a=b; c=d'],
  ),
  fc.constantFrom(
    ...['Content-Length: 5, 5', 'Content-Length: +5', 'Content-Length: 0x5', 'Content-Length:', 'Content-Length: 05'],
    ...[
      'Transfer-Encoding: gzip, chunked',
      'Transfer-Encoding: identity',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding: ,chunked',
    ],
    ...[
      'Transfer-Encoding : chunked',
      ' folded: x',
      'No colon',
      ': empty',
      'Host: b.test',
      'Host: a, b',
      'Host:',
      'X(Y): z',
    ],
    ...[
      'Content-Length: 99999999999999999999',
      'Transfer-Encoding: \x0bchunked',
      'Upgrade: h2c',
      'Expect: x',
      'Host: a:99999',
    ],
  ),
);

const chunk = fc.constantFrom(
  '5\r\nhello\r\n',
  '1;a=b\r\nx\r\n',
  'A\r\n0123456789\r\n',
  '005\r\nhello\r\n',
  '2;a="b;c"\r\nab\r\n',
);
const badChunk = fc.constantFrom(
  '5\nhello\r\n',
  ' 5\r\nhello\r\n',
  '5 \r\nhello\r\n',
  '0x5\r\nhello\r\n',
  '5\r\nhello',
  '\r\n',
  '-1\r\n',
  'g\r\n',
);
const chunks = fc
  .tuple(
    fc.array(often(20, chunk, badChunk), { maxLength: 4 }),
    often(
      10,
      fc.constantFrom('0\r\n\r\n', '0\r\nX-T: 1\r\n\r\n', '000;x\r\n\r\n'),
      fc.constantFrom('0\r\n', '', '0\r\n\n', '0\r\nX\r\n\r\n'),
    ),
  )
  .map(([all, last]) => all.join('') + last);

const request = fc
  .tuple(
    fc
      .tuple(method, fc.constantFrom(' ', ' ', ' ', ' ', '  ', '\t'), target, version, lineEnd)
      .map(([m, s, t, v, e]) => `${m}${s}${t} ${v}${e}`),
    often(10, fc.constant('Host: a.test\r\n'), fc.constant('')),
    fc.array(fc.tuple(field, lineEnd), { maxLength: 5 }).map((lines) => lines.flat().join('')),
    often(30, fc.constant('\r\n'), fc.constantFrom('\n', '')),
    fc.constantFrom('', '', 'hello', 'hellohello'),
  )
  .map((parts) => parts.join(''));

const withLength = fc
  .tuple(method, target, fc.constantFrom('hello', ''))
  .map(([m, t, body]) => `${m} ${t} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);

const withChunks = fc
  .tuple(method, target, chunks)
  .map(([m, t, body]) => `${m} ${t} HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);

/** One byte or two put in, left out or changed somewhere. */
export const mutation = fc.tuple(fc.nat(), fc.constantFrom(0, 1), fc.constantFrom('', ...NASTY));

export function mutated(text: string, mutations: readonly (readonly [number, number, string])[]): string {
  for (const [position, removes, insert] of mutations) {
    const at = position % (text.length + 1);
    text = text.slice(0, at) + insert + text.slice(at + removes);
  }
  return text;
}

/** What a client may send: a few requests in a row, mostly sound, some slightly wrong. */
export const requestBytes: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.array(fc.oneof(request, withLength, withChunks), { minLength: 1, maxLength: 3 }).map((all) => all.join('')),
    often(2, fc.array(mutation, { maxLength: 0 }), fc.array(mutation, { maxLength: 2 })),
  )
  .map(([text, mutations]) => Buffer.from(mutated(text, mutations), 'latin1'));

/** Where the bytes are cut, modulo their length. */
export const splitsOf = (most: number): fc.Arbitrary<number[]> => fc.array(fc.nat(), { maxLength: most });
