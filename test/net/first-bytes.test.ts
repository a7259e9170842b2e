import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PREFACE } from '../../src/http2/frames.ts';
import { type Match, matchPreface, matchRequestLine } from '../../src/net/first-bytes.ts';

function requestLine(text: string): Match {
  return matchRequestLine(Buffer.from(text, 'latin1'));
}

describe('the preface of HTTP/2', () => {
  it('is known by its last byte, and any other byte before that decides against it', () => {
    for (let length = 0; length < PREFACE.length; length++) {
      expect(matchPreface(PREFACE.subarray(0, length))).toBe('unclear');
      const wrong = Buffer.from(PREFACE.subarray(0, length + 1));
      wrong[length]! ^= 0x20;
      expect(matchPreface(wrong)).toBe('no');
    }
    expect(matchPreface(PREFACE)).toBe('yes');
    expect(matchPreface(Buffer.concat([PREFACE, Buffer.from('more')]))).toBe('yes');
  });

  it.each(['POST', 'PUT', 'PATCH', 'PROPFIND'])('is not taken for %s once they differ', (method) => {
    expect(matchPreface(Buffer.from(method))).toBe('no');
  });
});

describe('a request line', () => {
  it.each([
    'GET / HTTP/1.1\r\n',
    'OPTIONS * HTTP/1.1\r\n',
    'GET http://orders/a HTTP/1.1\r\n',
    'GET HTTPS://orders/a HTTP/1.1\r\n',
    'VERSION-CONTROL /a HTTP/1.1\r\n',
    `${'A'.repeat(32)} / HTTP/1.0\r\n`,
    'PRI * HTTP/1.1\r\n',
  ])('is known by %j, as soon as its target begins', (line) => {
    const target = line.indexOf(' ') + 1;
    const known = line[target]!.toLowerCase() === 'h' ? target + 4 : target + 1;
    for (let length = 0; length < line.length; length++) {
      expect(requestLine(line.slice(0, length))).toBe(length < known ? 'unclear' : 'yes');
    }
  });

  it.each([
    ['a blank line before it', '\r\nGET / HTTP/1.1'],
    ['two spaces', 'GET  /'],
    ['a tab', 'GET\t/'],
    ['a method of 33 letters', `${'A'.repeat(33)} /`],
    ['a method in small letters, as in memcached', 'get /a\r\n'],
    ['the greeting of SSH', 'SSH-2.0-OpenSSH_9.6 Debian-3\r\n'],
    ['Redis', '*1\r\n$4\r\nPING\r\n'],
    ['Redis by hand', 'GET key\r\n'],
    ['SMTP', 'EHLO host\r\n'],
    ['IRC', 'NICK host\r\n'],
    ['NATS', 'CONNECT {"verbose":false}\r\n'],
    ['AMQP', 'AMQP\0\0\t\x01'],
    ['PROXY', 'PROXY TCP4 127.0.0.1'],
    ['SIP', 'OPTIONS sip:a@b SIP/2.0\r\n'],
    ['PostgreSQL', '\0\0\0\x08\x04\xd2\x16\x2f'],
  ])('is not %s', (_, text) => {
    expect(requestLine(text)).toBe('no');
  });

  it('is decided within 37 bytes, whatever they are, and never differently later', () => {
    const bytes = fc.oneof(fc.string({ maxLength: 60 }), fc.stringMatching(/^[A-Z_-]{0,40} ?[hH/*]{0,3}[tT]{0,3}p?/));
    fc.assert(
      fc.property(bytes, (text) => {
        const matches = Array.from({ length: text.length + 1 }, (_, i) => requestLine(text.slice(0, i)));
        const first = matches.findIndex((match) => match !== 'unclear');
        const decided = first < 0 ? [] : matches.slice(first);
        expect(new Set(decided).size).toBeLessThan(2);
        if (text.length >= 37) expect(first).toBeGreaterThan(0);
      }),
    );
  });
});
