import { describe, expect, it } from 'vitest';
import { Carry } from '../../src/http1/carry.ts';
import { NEED_MORE } from '../../src/http1/head-scanner.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';

const LIMITS = { maxHeadBytes: 65_536, maxFields: 128, maxTargetBytes: 8_192 };

describe('fields of a head', () => {
  const head = headOf('Host: a', 'X-A: 1', 'Set-Cookie: a=1', 'x-a:  2 ', 'Set-Cookie: b=2', 'X-B:');

  it('joins lines of one name, but never cookies', () => {
    expect(head.get('x-a')).toBe('1, 2');
    expect(head.get('set-cookie')).toBe('a=1');
  });

  it('tells an empty value from none', () => {
    expect(head.get('x-b')).toBe('');
    expect(head.get('x-c')).toBeNull();
  });

  it('counts lines', () => {
    expect([head.count('x-a'), head.count('set-cookie'), head.count('x-c')]).toEqual([2, 2, 0]);
  });

  it('shows hop-by-hop fields too', () => {
    expect(headOf('Host: a', 'Connection: x-a', 'X-A: 1').get('x-a')).toBe('1');
  });
});

describe('a head that comes slowly', () => {
  it('is parsed from wherever its bytes have been moved to', () => {
    const parser = new RequestParser(LIMITS, 'http');
    const text = 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n';
    for (let length = 1; length < text.length; length++) {
      const moved = Buffer.concat([Buffer.alloc(length % 7, 'x'), Buffer.from(text.slice(0, length))]);
      expect(parser.parse(moved, length % 7)).toBe(NEED_MORE);
    }
    expect(parser.parse(Buffer.from(`xx${text}rest`), 2)).toBe(2 + text.length);
    expect(parser.head.path).toBe('/slow');
  });

  it('does not leave anything behind for the next one', () => {
    const parser = new RequestParser(LIMITS, 'http');
    const first = Buffer.from(
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close, x-a\r\nTE: trailers\r\nX-A: 1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
    );
    parser.parse(first, 0);
    parser.parse(Buffer.from('GET /2 HTTP/1.1\r\nHost: b\r\nX-A: 2\r\n\r\n'), 0);
    const { head } = parser;
    expect([
      head.keepsAlive,
      head.wantsContinue,
      head.acceptsTrailers,
      head.body,
      head.contentLength,
      head.get('te'),
    ]).toEqual([...[true, false, false, 'none', -1, null]]);
    expect(head.get('x-a')).toBe('2');
  });
});

describe('Carry', () => {
  it('never writes over what it has lent', () => {
    const carry = new Carry();
    carry.append(Buffer.from('first'));
    const lent = carry.view();
    carry.consume(5);
    carry.append(Buffer.alloc(10_000, 'x'));
    carry.consume(3);
    carry.append(Buffer.alloc(10_000, 'y'));
    expect(lent.toString()).toBe('first');
    expect(carry.size).toBe(19_997);
    expect(carry.view().subarray(0, 2).toString()).toBe('xx');
    expect(carry.view().subarray(-1).toString()).toBe('y');
  });
});

function headOf(...fields: string[]) {
  const parser = new RequestParser(LIMITS, 'http');
  parser.parse(Buffer.from(`GET / HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`), 0);
  return parser.head;
}
