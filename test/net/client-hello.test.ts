import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientHello, MAX_HELLO_BYTES } from '../../src/net/client-hello.ts';
import type { Match } from '../../src/net/first-bytes.ts';
import {
  extension,
  type HelloParts,
  helloBody,
  helloMessage,
  inRecords,
  realClientHello,
  serverNames,
  sized,
} from '../support/client-hellos.ts';

/** What is answered to the whole of it. */
function read(bytes: Buffer): [Match, string | null] {
  const hello = new ClientHello();
  return [hello.read(bytes), hello.serverName];
}

/** The first answer that is one, when the bytes come in these pieces, and after how many bytes. */
function readInPieces(bytes: Buffer, size: number): [Match, string | null, number] {
  const hello = new ClientHello();
  for (let end = size; ; end += size) {
    // Other memory each time, as of something that grows.
    const match = hello.read(Buffer.from(bytes.subarray(0, end)));
    if (match !== 'unclear' || end >= bytes.length) return [match, hello.serverName, Math.min(end, bytes.length)];
  }
}

function made(parts: HelloParts): Buffer {
  return inRecords(helloMessage(helloBody(parts)));
}

describe('a ClientHello of node:tls', () => {
  it.each([
    ['TLS 1.3', { servername: 'orders.mesh' }, 'orders.mesh'],
    ['TLS 1.2', { servername: 'orders.mesh', maxVersion: 'TLSv1.2' }, 'orders.mesh'],
    ['ALPN', { servername: 'a.b', ALPNProtocols: ['h2', 'http/1.1'] }, 'a.b'],
    ['no name', {}, null],
  ] as const)('with %s is read to its end and not beyond', async (_, options, name) => {
    const bytes = await realClientHello(options as object);
    expect(read(bytes)).toEqual(['yes', name]);
    expect(read(Buffer.concat([bytes, Buffer.from('early data')]))).toEqual(['yes', name]);
    for (let end = 0; end < bytes.length; end++) expect(read(bytes.subarray(0, end))).toEqual(['unclear', null]);
    expect(readInPieces(bytes, 1)).toEqual(['yes', name, bytes.length]);
  });

  it('may be cut into records anywhere, and those into reads', async () => {
    const message = (await realClientHello({ servername: 'orders.mesh' })).subarray(5);
    for (const size of [1, 2, 3, 4, 5, 7, 50, 255, message.length - 1]) {
      const bytes = inRecords(message, size);
      expect(read(bytes)).toEqual(['yes', 'orders.mesh']);
      for (const piece of [1, 6, 100]) expect(readInPieces(bytes, piece)[1]).toBe('orders.mesh');
    }
  });
});

describe('the name of the server', () => {
  it.each([
    ['is none without extensions', { extensions: null }],
    [
      'is none among other extensions',
      { extensions: [extension(16, Buffer.from('x')), extension(0xffff, Buffer.alloc(0))] },
    ],
    ['is none when only names of another kind are there', { extensions: [serverNames([1, 'a'])] }],
  ])('%s', (_, parts) => {
    expect(read(made(parts))).toEqual(['yes', null]);
  });

  it('is found behind names of another kind', () => {
    expect(read(made({ extensions: [serverNames([9, 'x y'], 'orders')] }))).toEqual(['yes', 'orders']);
  });

  it('may have 255 bytes', () => {
    const name = 'a'.repeat(255);
    expect(read(made({ extensions: [serverNames(name)] }))).toEqual(['yes', name]);
    expect(read(made({ extensions: [serverNames(`${name}a`)] }))).toEqual(['no', null]);
  });

  it.each(['', 'a b', 'a\0', 'ä', 'a/b', 'a:443', '[::1]'])('is never %j', (name) => {
    expect(read(made({ extensions: [serverNames(name)] }))).toEqual(['no', null]);
  });
});

describe('no ClientHello', () => {
  const body = helloBody({ sessionId: 'session', extensions: [serverNames('orders')] });

  it.each([
    ['another content type', Buffer.from([23])],
    ['another protocol', Buffer.from([22, 2])],
    ['a version from the future', Buffer.from([22, 3, 5])],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['a record too long', Buffer.from([22, 3, 1, 0x40, 1])],
    ['another message', Buffer.from([22, 3, 1, 0, 9, 2])],
  ])('is %s, seen at its last byte', (_, bytes) => {
    expect(readInPieces(bytes, 1)).toEqual(['no', null, bytes.length]);
  });

  it.each([
    ['two names', helloBody({ extensions: [serverNames('a', 'b')] })],
    ['names twice', helloBody({ extensions: [serverNames('a'), serverNames('a')] })],
    ['an empty list of names', helloBody({ extensions: [serverNames()] })],
    ['an empty extension of names', helloBody({ extensions: [extension(0, Buffer.alloc(0))] })],
    [
      'bytes behind the names',
      helloBody({
        extensions: [extension(0, Buffer.concat([sized(2, Buffer.from([0, 0, 1, 97])), Buffer.from('x')]))],
      }),
    ],
    ['a name beyond its list', helloBody({ extensions: [extension(0, sized(2, Buffer.from([0, 0, 9, 97])))] })],
    ['a list beyond its extension', helloBody({ extensions: [extension(0, Buffer.from([0, 9, 0, 0, 1, 97]))] })],
    ['an extension beyond the others', helloBody({ extensions: [Buffer.from([0, 16, 0, 9, 1])] })],
    ['half an extension', helloBody({ extensions: [Buffer.from([0, 16, 0])] })],
    ['a long session id', helloBody({ sessionId: 'x'.repeat(33) })],
    ['no suites', helloBody({ suites: Buffer.alloc(0) })],
    ['half a suite', helloBody({ suites: Buffer.from([0x13, 1, 0x13]) })],
    ['no compression methods', helloBody({ methods: Buffer.alloc(0) })],
    ['bytes behind the extensions', Buffer.concat([body, Buffer.from('x')])],
    ['SSL 2 inside', Buffer.concat([Buffer.from([2]), body.subarray(1)])],
    ['nothing at all', Buffer.alloc(0)],
  ])('has %s', (_, wrong) => {
    expect(read(inRecords(helloMessage(wrong)))).toEqual(['no', null]);
  });

  it('has bytes missing anywhere', () => {
    expect(read(inRecords(helloMessage(body)))).toEqual(['yes', 'orders']);
    const extensionsAt = helloBody({ sessionId: 'session', extensions: null }).length;
    for (let end = 0; end < body.length; end++) {
      const expected = end === extensionsAt ? 'yes' : 'no';
      expect(read(inRecords(helloMessage(body.subarray(0, end)))), `${end}`).toEqual([expected, null]);
    }
  });

  it('has another message in its record', () => {
    expect(read(inRecords(Buffer.concat([helloMessage(body), helloMessage(body)])))).toEqual(['no', null]);
  });

  it('is longer than is waited for', () => {
    const fits = (bytes: number): Buffer =>
      inRecords(helloMessage(helloBody({ extensions: [extension(21, Buffer.alloc(bytes))] })), 4_096);
    const overhead = fits(0).length + 3 * 5;
    expect(read(fits(MAX_HELLO_BYTES - overhead))[0]).toBe('yes');
    expect(read(fits(MAX_HELLO_BYTES - overhead + 1))[0]).toBe('no');
    expect(readInPieces(Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255]), 1)).toEqual(['no', null, 9]);
  });
});

describe('whatever the bytes are', () => {
  it('it is decided in time, the same in any pieces, and nothing throws', async () => {
    const real = await realClientHello({ servername: 'orders.mesh' });
    const damaged = fc
      .array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { maxLength: 3 })
      .map((changes) => changes.reduce((bytes, [at, value]) => bytes.fill(value, at, at + 1), Buffer.from(real)));
    const any = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.concat([Buffer.from([22, 3, 1]), bytes]));
    const records = fc
      .tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 40 }))
      .map(([body, size]) => inRecords(helloMessage(Buffer.from(body)), size));
    fc.assert(
      fc.property(fc.oneof(damaged, any, records), fc.integer({ min: 1, max: 90 }), (bytes, size) => {
        const whole = read(bytes);
        const [match, name] = readInPieces(bytes, size);
        expect([match, name]).toEqual(whole);
        if (match !== 'yes') expect(name).toBeNull();
      }),
      { numRuns: 2_000 },
    );
    const endless = Buffer.alloc(MAX_HELLO_BYTES, Buffer.from([22, 3, 1, 0, 1, 1]));
    expect(read(endless)[0]).toBe('no');
  });
});
