import { describe, expect, it } from 'vitest';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts';
import { BEGIN_ROOM, fieldRoom, HpackEncoder } from '../../src/http2/hpack-encoder.ts';
import { integer, plainString } from '../support/hpack-bytes.ts';

type Field = readonly [name: string, value: string, isSecret?: boolean];

/** An encoder and the peer that reads it. */
function connection(maxTableBytes = 4096) {
  const encoder = new HpackEncoder(maxTableBytes);
  const decoder = new HpackDecoder({ maxListBytes: 1 << 20, maxFields: 1000, maxTableBytes: 1 << 20 });
  const block = new FieldBlock();
  /** The bytes of a block, which the peer has read and found to be these fields. */
  const send = (...fields: readonly Field[]): string => {
    const room = fields.reduce((sum, [name, value]) => sum + fieldRoom(name, value), BEGIN_ROOM);
    const out = { bytes: Buffer.alloc(room + 3), end: 3 };
    encoder.begin(out);
    for (const [name, value, isSecret] of fields) encoder.put(out, name, value, isSecret ?? false);
    expect(decoder.decode(out.bytes, 3, out.end, block)).toBe(true);
    const seen = Array.from({ length: block.size }, (_, i) => [block.names[i]!, block.values[i]!]);
    expect(seen).toEqual(fields.map(([name, value]) => [name, value]));
    return out.bytes.toString('hex', 3, out.end);
  };
  return { encoder, send, block };
}

const literal = (name: string, value: string, form = 0x00): string =>
  Buffer.concat([Buffer.of(form), plainString(name), plainString(value)]).toString('hex');
const withIndex = (form: number, prefix: number, index: number, value: string): string =>
  Buffer.concat([integer(form, prefix, index), plainString(value)]).toString('hex');

describe('a field', () => {
  it.each([
    [':method', 'GET', '82'],
    [':method', 'POST', '83'],
    [':path', '/', '84'],
    [':path', '/index.html', '85'],
    [':scheme', 'http', '86'],
    [':scheme', 'https', '87'],
    [':status', '200', '88'],
    [':status', '500', '8e'],
    ['accept-encoding', 'gzip, deflate', '90'],
  ])('of the static table is one byte: %s %s', (name, value, bytes) => {
    expect(connection().send([name, value])).toBe(bytes);
  });

  it('without a value in the static table is a literal with its index there', () => {
    const { send } = connection();
    expect(send([':authority', ''])).toBe(withIndex(0, 4, 1, ''));
    expect(send(['content-type', 'a/b'])).toBe(withIndex(0, 4, 31, 'a/b'));
    expect(send([':status', '201'])).toBe(withIndex(0, 4, 8, '201'));
  });

  it('that comes twice in a row goes into the table, and is one byte from then on', () => {
    const { send } = connection();
    expect(send(['x-tenant', 'acme'])).toBe(literal('x-tenant', 'acme'));
    expect(send(['x-tenant', 'acme'])).toBe(literal('x-tenant', 'acme', 0x40));
    expect(send(['x-tenant', 'acme'])).toBe('be');
    expect(send(['x-tenant', 'acme'], ['x-tenant', 'acme'])).toBe('bebe');
  });

  it('that is new each time stays out of it', () => {
    const { send } = connection();
    send(['x-tenant', 'acme'], ['x-tenant', 'acme']);
    for (let n = 0; n < 1000; n++) {
      const id = `id-${n}`;
      expect(send(['x-request-id', id], ['date', `day ${n}`], ['x-tenant', 'acme'])).toBe(
        `${literal('x-request-id', id)}${withIndex(0, 4, 33, `day ${n}`)}be`,
      );
    }
  });

  it('that alternates stays out of it until it comes twice in a row', () => {
    const { send } = connection();
    for (const value of ['a', 'b', 'a', 'b']) expect(send(['n', value])).toBe(literal('n', value));
    expect(send(['n', 'b'])).toBe(literal('n', 'b', 0x40));
    expect(send(['n', 'a'])).toBe(withIndex(0, 4, 62, 'a'));
    expect(send(['n', 'a'])).toBe(withIndex(0x40, 6, 62, 'a'));
    expect(send(['n', 'a'], ['n', 'b'], ['n', 'a'])).toBe('bebfbe');
  });

  it('with a name that is in the table has its newest index', () => {
    const { send } = connection();
    send(['n', '1'], ['n', '1'], ['m', '1'], ['m', '1'], ['n', '2'], ['n', '2']);
    expect(send(['n', '3'])).toBe(withIndex(0, 4, 62, '3'));
    expect(send(['m', '3'])).toBe(withIndex(0, 4, 63, '3'));
  });

  it('is found again among eight values of its name', () => {
    const { send } = connection();
    const values = Array.from({ length: 8 }, (_, n) => `value ${n}`);
    for (const value of values) send(['n', value], ['n', value]);
    for (const value of [...values, ...values.reverse()]) expect(send(['n', value]).length, value).toBe(2);
  });

  it('that was evicted is a literal again, and comes back after two', () => {
    const { send, encoder } = connection();
    encoder.setPeerLimit(160);
    send(['a', '1'], ['a', '1'], ['a', '1']);
    for (const name of ['b', 'c', 'd', 'e']) send([name, '1'], [name, '1']);
    expect(send(['a', '1'])).toBe(literal('a', '1', 0x40));
    expect(send(['a', '1'])).toBe('be');
  });

  it('larger than a quarter of the table never goes into it', () => {
    const { send } = connection();
    const fits = 'x'.repeat(1024 - 33);
    send(['a', fits], ['b', `${fits}x`]);
    send(['a', fits], ['b', `${fits}x`]);
    expect(send(['a', fits])).toBe('be');
    expect(send(['b', `${fits}x`])).toBe(literal('b', `${fits}x`));
  });

  it('may have any length and any latin1 value', () => {
    const { send } = connection();
    const every = Array.from({ length: 224 }, (_, n) => String.fromCharCode(n < 95 ? n + 32 : n + 31)).join('');
    for (const length of [0, 1, 23, 24, 126, 127, 128, 254, 255, 16_384, 100_000]) {
      const value = 'x'.repeat(length);
      send(['n', value], ['n'.repeat(length + 1), value]);
    }
    send(['n', `a${every.replace('\x7f', '')}a`]);
  });

  it('fits into its room', () => {
    for (const [name, value] of [
      ['n', ''],
      ['n'.repeat(65), 'v'.repeat(70_000)],
      ['www-authenticate', 'v'.repeat(300)],
    ] as const) {
      const { encoder } = connection();
      const out = { bytes: Buffer.alloc(200_000), end: 0 };
      encoder.begin(out);
      encoder.put(out, name, value, true);
      expect(out.end).toBeLessThanOrEqual(fieldRoom(name, value));
    }
  });
});

describe('a secret', () => {
  it('is a literal that nobody indexes, however often it comes', () => {
    const { send, block } = connection();
    for (let n = 0; n < 3; n++) {
      expect(send(['x-token', 'abc', true])).toBe(literal('x-token', 'abc', 0x10));
      expect(block.secrets[0]).toBe(true);
    }
  });

  it.each([
    ['authorization', 23],
    ['proxy-authorization', 49],
  ])('is %s, whatever the sender says', (name, index) => {
    const { send, block } = connection();
    for (let n = 0; n < 3; n++) {
      expect(send([name, 'Bearer abc'])).toBe(withIndex(0x10, 4, index, 'Bearer abc'));
      expect(block.secrets[0]).toBe(true);
    }
  });

  it('is no secret less for a value that is in a table', () => {
    const { send } = connection();
    send(['n', 'v'], ['n', 'v']);
    expect(send(['n', 'v', true])).toBe(withIndex(0x10, 4, 62, 'v'));
    expect(send([':method', 'GET', true])).toBe(withIndex(0x10, 4, 2, 'GET'));
  });

  it('does not count as seen', () => {
    const { send } = connection();
    send(['n', 'v', true]);
    expect(send(['n', 'v'])).toBe(literal('n', 'v'));
  });
});

describe('the size of the table', () => {
  const update = (bytes: number): string => integer(0x20, 5, bytes).toString('hex');

  it('is the default until the peer says otherwise, and goes without saying', () => {
    expect(connection().send([':method', 'GET'])).toBe('82');
    expect(connection(10_000).send([':method', 'GET'])).toBe('82');
  });

  it('is said at once when ours is smaller', () => {
    const { send } = connection(100);
    expect(send([':method', 'GET'])).toBe(`${update(100)}82`);
    expect(send([':method', 'GET'])).toBe('82');
  });

  it('follows the peer up to our own limit', () => {
    const { send, encoder } = connection(6000);
    encoder.setPeerLimit(5000);
    expect(send([':method', 'GET'])).toBe(`${update(5000)}82`);
    encoder.setPeerLimit(2 ** 32 - 1);
    expect(send([':method', 'GET'])).toBe(`${update(6000)}82`);
    encoder.setPeerLimit(7000);
    expect(send([':method', 'GET'])).toBe('82');
    encoder.setPeerLimit(0);
    expect(send([':method', 'GET'])).toBe(`${update(0)}82`);
  });

  it('is said twice when it was less in between, which empties both tables', () => {
    const { send, encoder } = connection();
    send(['a', '1'], ['a', '1'], ['b', '1'], ['b', '1']);
    encoder.setPeerLimit(500);
    encoder.setPeerLimit(0);
    encoder.setPeerLimit(3000);
    expect(send(['a', '1'])).toBe(`${update(0)}${update(3000)}${literal('a', '1', 0x40)}`);
    expect(send(['a', '1'])).toBe('be');
  });

  it('that was less in between and is the same again is said twice', () => {
    const { send, encoder } = connection();
    encoder.setPeerLimit(34);
    encoder.setPeerLimit(4096);
    expect(send([':method', 'GET'])).toBe(`${update(34)}${update(4096)}82`);
  });

  it('that was more in between is not mentioned', () => {
    const { send, encoder } = connection(10_000);
    encoder.setPeerLimit(9000);
    encoder.setPeerLimit(4096);
    expect(send([':method', 'GET'])).toBe('82');
  });

  it('shrinks to the entries that still fit', () => {
    const { send, encoder } = connection();
    send(['a', '1'], ['a', '1'], ['b', '1'], ['b', '1']);
    encoder.setPeerLimit(34 * 4);
    send();
    expect(send(['a', '1'], ['b', '1'])).toBe('bfbe');
    encoder.setPeerLimit(34);
    expect(send(['b', '1'])).toBe(`${update(34)}be`);
  });

  it('of zero leaves static entries and literals', () => {
    const { send, encoder } = connection();
    encoder.setPeerLimit(0);
    send();
    for (let n = 0; n < 3; n++) expect(send([':method', 'GET'], ['a', ''])).toBe(`82${literal('a', '')}`);
  });

  it('of the largest update fits into its room', () => {
    const encoder = new HpackEncoder(2 ** 30);
    encoder.setPeerLimit(2 ** 30 - 1);
    encoder.begin({ bytes: Buffer.alloc(0), end: 0 });
    encoder.setPeerLimit(2 ** 30 - 2);
    encoder.setPeerLimit(2 ** 30);
    const out = { bytes: Buffer.alloc(50), end: 0 };
    encoder.begin(out);
    expect(out.end).toBeGreaterThan(8);
    expect(out.end).toBeLessThanOrEqual(BEGIN_ROOM);
  });
});

describe('names', () => {
  it('that are too many are forgotten together, and learned again', () => {
    const { send } = connection();
    send(['a', '1'], ['a', '1']);
    expect(send(['a', '1'])).toBe('be');
    for (let n = 0; n < 127; n++) send([`junk-${n}`, '1']);
    expect(send(['a', '1'])).toBe('be');
    send(['one-too-many', '1']);
    expect(send(['a', '1'])).toBe(literal('a', '1'));
    expect(send(['a', '1'])).toBe(literal('a', '1', 0x40));
    expect(send(['a', '1'])).toBe('be');
  });

  it('that are too long are literals always', () => {
    const { send } = connection();
    const longest = 'n'.repeat(64);
    for (let n = 0; n < 3; n++) {
      expect(send([`${longest}n`, '1'])).toBe(literal(`${longest}n`, '1'));
      expect(send([`${longest}n`, '1', true])).toBe(literal(`${longest}n`, '1', 0x10));
      if (n < 2) send([longest, '1']);
      else expect(send([longest, '1'])).toBe('be');
    }
  });
});
