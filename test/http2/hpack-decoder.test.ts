import { describe, expect, it } from 'vitest';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { HpackDecoder, type HpackLimits } from '../../src/http2/hpack-decoder.ts';
import { huffmanField, huffmanString, integer, plainString } from '../support/hpack-bytes.ts';

const LIMITS: HpackLimits = { maxListBytes: 65_536, maxFields: 128, maxTableBytes: 4096 };

type Field = readonly [name: string, value: string];

/** One connection's decoder, and what it made of each block. */
function connection(limits: Partial<HpackLimits> = {}) {
  const decoder = new HpackDecoder({ ...LIMITS, ...limits });
  const block = new FieldBlock();
  /** Bytes as hexadecimal, or pieces. The block lies between other bytes. */
  const decode = (...pieces: readonly (string | Buffer)[]): boolean => {
    const bytes = Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? hex(piece) : piece)));
    const around = Buffer.concat([hex('ffff'), bytes, hex('ffff')]);
    return decoder.decode(around, 2, 2 + bytes.length, block);
  };
  const fields = (...pieces: readonly (string | Buffer)[]): Field[] | string => {
    if (!decode(...pieces)) return 'COMPRESSION_ERROR';
    return block.problem === 'none' ? list(block) : block.problem;
  };
  /** The dynamic table as its indexes show it. */
  const table = (): Field[] => {
    const entries: Field[] = [];
    for (let index = 62; decode(integer(0x80, 7, index)); index++) entries.push(list(block)[0]!);
    return entries;
  };
  return { block, decode, fields, table };
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function list(block: FieldBlock): Field[] {
  return block.names.slice(0, block.size).map((name, i) => [name, block.values[i]!] as const);
}

const added = (name: string, value: string): Buffer =>
  Buffer.concat([integer(0x40, 6, 0), plainString(name), plainString(value)]);
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([integer(0, 4, 0), plainString(name), plainString(value)]);
const indexed = (index: number): Buffer => integer(0x80, 7, index);
const sized = (bytes: number): Buffer => integer(0x20, 5, bytes);

describe('RFC 7541, appendix C', () => {
  it('C.1: integers in and beyond their prefix', () => {
    expect(integer(0, 5, 10).toString('hex')).toBe('0a');
    expect(integer(0, 5, 1337).toString('hex')).toBe('1f9a0a');
    expect(integer(0, 8, 42).toString('hex')).toBe('2a');
    const small = connection();
    // A table of 42 bytes takes an entry of 42 and none of 43; so does one of 1337.
    expect(small.fields('3f0b', added('a', 'b'.repeat(9)), 'be')).toHaveLength(2);
    expect(small.fields(added('a', 'b'.repeat(10)), 'be')).toBe('COMPRESSION_ERROR');
    const large = connection();
    expect(large.fields('3f9a0a', added('a', 'b'.repeat(1304)), 'be')).toHaveLength(2);
    expect(large.fields(added('a', 'b'.repeat(1305)), 'be')).toBe('COMPRESSION_ERROR');
  });

  it('C.2.1: a literal with indexing', () => {
    const { fields, table } = connection();
    expect(fields('400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572')).toEqual([
      ['custom-key', 'custom-header'],
    ]);
    expect(table()).toEqual([['custom-key', 'custom-header']]);
  });

  it('C.2.2: a literal without indexing', () => {
    const { fields, table, block } = connection();
    expect(fields('040c 2f73 616d 706c 652f 7061 7468')).toEqual([[':path', '/sample/path']]);
    expect(block.secrets[0]).toBe(false);
    expect(table()).toEqual([]);
  });

  it('C.2.3: a literal never indexed', () => {
    const { fields, table, block } = connection();
    expect(fields('1008 7061 7373 776f 7264 0673 6563 7265 74')).toEqual([['password', 'secret']]);
    expect(block.secrets[0]).toBe(true);
    expect(table()).toEqual([]);
  });

  it('C.2.4: an indexed field', () => {
    const { fields, table } = connection();
    expect(fields('82')).toEqual([[':method', 'GET']]);
    expect(table()).toEqual([]);
  });

  const get: Field[] = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ];
  it.each([
    [
      'C.3: requests without Huffman',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'C.4: requests with Huffman',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('%s', (_name, first, second, third) => {
    const { fields, table } = connection();
    expect(fields(first)).toEqual(get);
    expect(table()).toEqual([get[3]]);
    expect(fields(second)).toEqual([...get, ['cache-control', 'no-cache']]);
    expect(table()).toEqual([['cache-control', 'no-cache'], get[3]]);
    expect(fields(third)).toEqual([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/index.html'],
      get[3],
      ['custom-key', 'custom-value'],
    ]);
    expect(table()).toEqual([['custom-key', 'custom-value'], ['cache-control', 'no-cache'], get[3]]);
  });

  const privacy: Field = ['cache-control', 'private'];
  const at21: Field = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
  const at22: Field = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'];
  const location: Field = ['location', 'https://www.example.com'];
  const cookie: Field = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'];
  it.each([
    [
      'C.5: responses without Huffman, with eviction',
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120
       474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738
       666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33
       3630 303b 2076 6572 7369 6f6e 3d31`,
    ],
    [
      'C.6: responses with Huffman, with eviction',
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718
       63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7
       b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ],
  ])('%s', (_name, first, second, third) => {
    const { fields, table } = connection({ maxTableBytes: 256 });
    // The RFC's connection has agreed on 256 bytes before; here the first block says so.
    expect(fields(sized(256), first.replaceAll('\n', ''))).toEqual([[':status', '302'], privacy, at21, location]);
    expect(table()).toEqual([location, at21, privacy, [':status', '302']]);
    expect(fields(second)).toEqual([[':status', '307'], privacy, at21, location]);
    expect(table()).toEqual([[':status', '307'], location, at21, privacy]);
    expect(fields(third.replaceAll('\n', ''))).toEqual([
      [':status', '200'],
      privacy,
      at22,
      location,
      ['content-encoding', 'gzip'],
      cookie,
    ]);
    expect(table()).toEqual([cookie, ['content-encoding', 'gzip'], at22]);
  });
});

describe('the connection ends at', () => {
  const long = (bytes: number): string => 'ff'.repeat(bytes);
  it.each([
    ['index 0', ['80']],
    ['an index behind both tables', ['be']],
    ['an index behind an entry', [added('a', 'b'), 'bf']],
    ['an index cut off', ['ff']],
    ['an index cut off later', ['ff80']],
    ['an index of too many bytes', [`${long(5)}01`]],
    ['an index with too many zeros', ['ff80 8080 8000']],
    ['a huge index', ['ffff ffff 7f']],
    ['a name index behind both tables', ['7e 0161']],
    ['a name index without a value', ['44']],
    ['a name without a value', ['40 0161']],
    ['a literal cut off at its name', ['40']],
    ['a name that is longer than the block', ['40 0261']],
    ['a value that is longer than the block', ['40 0161 0262']],
    ['a length cut off', ['40 7f']],
    ['a length of too many bytes', [`40 ${'7f'}${long(5)}01`]],
    ['a huge length', ['40 7f ffffff7f']],
    ['a Huffman name with EOS', ['40 84 ffffffff 0161']],
    ['a Huffman value padded with a whole byte', ['40 0161 82 1fff']],
    ['a Huffman value padded with zeros', ['40 0161 81 18']],
    ['a length with more zeros than needed', ['00 0161 7f 8080808000', 'ff'.repeat(127)]],
    ['a size update behind a field', ['82', sized(100)]],
    ['a size update behind a field that would make a literal', ['82 21 0161']],
    ['a size above what was announced', [sized(4097)]],
    ['a size of too many bytes', [`3f${long(4)}01`]],
    ['a size update cut off', ['3f']],
  ])('%s', (_name, pieces) => {
    expect(connection().fields(...pieces)).toBe('COMPRESSION_ERROR');
  });

  it('an entry that was evicted, though another may lie where it was', () => {
    const { fields } = connection();
    const entries = Array.from({ length: 17 }, (_, n) => added('n', String.fromCharCode(97 + n)));
    expect(fields(sized(34 * 16), ...entries, indexed(62 + 15))).toHaveLength(18);
    expect(fields(indexed(62 + 16))).toBe('COMPRESSION_ERROR');
  });

  it('no length with a few needless zeros', () => {
    expect(connection().fields('00 0161 7f 80808000', 'ff'.repeat(127))).toEqual([['a', '\xff'.repeat(127)]]);
  });

  it('an entry that was evicted', () => {
    const { fields } = connection();
    expect(fields(sized(70), added('a', '1'), 'be', added('b', '2'), 'be')).toHaveLength(4);
    expect(fields('be bf')).toEqual([
      ['b', '2'],
      ['a', '1'],
    ]);
    expect(fields(added('c', '3'), 'bf')).toEqual([
      ['c', '3'],
      ['b', '2'],
    ]);
    expect(fields('c0')).toBe('COMPRESSION_ERROR');
  });
});

describe('the table', () => {
  it('has the 61 static entries of the RFC', () => {
    const { fields } = connection();
    expect(fields('81 88 8f 90 97 a0 bd')).toEqual([
      [':authority', ''],
      [':status', '200'],
      ['accept-charset', ''],
      ['accept-encoding', 'gzip, deflate'],
      ['authorization', ''],
      ['cookie', ''],
      ['www-authenticate', ''],
    ]);
  });

  it('evicts the oldest entries until a new one fits', () => {
    const { decode, table } = connection();
    decode(sized(34 * 3), added('a', '1'), added('b', '2'), added('c', '3'));
    expect(table().map(([name]) => name)).toEqual(['c', 'b', 'a']);
    decode(added('d', '4'));
    expect(table().map(([name]) => name)).toEqual(['d', 'c', 'b']);
    decode(added('e', '5'.repeat(30)));
    expect(table().map(([name]) => name)).toEqual(['e', 'd']);
  });

  it('may refer to the name of an entry that the field evicts', () => {
    const { decode, fields, table } = connection();
    decode(sized(60), added('name', 'one'));
    expect(fields('7e', plainString('two'))).toEqual([['name', 'two']]);
    expect(table()).toEqual([['name', 'two']]);
  });

  it('is emptied by an entry larger than itself, which is a field all the same', () => {
    const { decode, fields, table } = connection();
    decode(added('a', '1'));
    expect(fields(added('b', 'x'.repeat(4096)))).toEqual([['b', 'x'.repeat(4096)]]);
    expect(table()).toEqual([]);
  });

  it('takes an entry of exactly its size', () => {
    const { decode, table } = connection();
    decode(added('b', 'x'.repeat(4096 - 33)));
    expect(table()).toHaveLength(1);
  });

  it('shrinks and grows with size updates, of which a block may begin with two', () => {
    const { fields, table } = connection();
    expect(fields(added('a', '1'), added('b', '2'))).toHaveLength(2);
    expect(fields(sized(34), '82')).toHaveLength(1);
    expect(table()).toEqual([['b', '2']]);
    expect(fields(sized(0), sized(4096), added('c', '3'))).toHaveLength(1);
    expect(table()).toEqual([['c', '3']]);
  });

  it('may be told its size by a block of nothing else', () => {
    const { fields, table } = connection();
    fields(added('a', '1'));
    expect(fields(sized(0))).toEqual([]);
    expect(table()).toEqual([]);
  });

  it('has the default size until the peer says another one, even if less was announced', () => {
    const { fields } = connection({ maxTableBytes: 0 });
    expect(fields(added('a', '1'), 'be')).toHaveLength(2);
    expect(fields(sized(0), added('a', '1'))).toHaveLength(1);
    expect(fields('be')).toBe('COMPRESSION_ERROR');
  });

  it('may grow to what was announced', () => {
    const { fields, table } = connection({ maxTableBytes: 100_000 });
    const many = Array.from({ length: 100 }, (_, n) => added(`name-${n}`, 'x'.repeat(500)));
    fields(sized(100_000), ...many);
    expect(table()).toHaveLength(100);
    expect(fields(sized(100_001))).toBe('COMPRESSION_ERROR');
  });

  it('stays right over thousands of insertions', () => {
    const { fields } = connection();
    for (let n = 1; n <= 5000; n++) {
      const back = Math.min(n - 1, n % 90);
      expect(fields(added('name', String(n)), indexed(62 + back))).toEqual([
        ['name', String(n)],
        ['name', String(n - back)],
      ]);
    }
  });

  it('gives the same string each time', () => {
    const { decode, block } = connection();
    decode(added('custom', 'a value that is no constant'));
    const first = block.values[0];
    decode('be');
    expect(Object.is(block.values[0], first)).toBe(true);
  });
});

describe('a malformed field', () => {
  const names = ['', 'Host', 'a b', 'a\r\nb', 'a\0', 'a:b', 'a\x7f', 'a\xe9'];
  const values = [' a', 'a ', '\ta', 'a\t', ' ', 'a\0b', 'a\rb', 'a\nb', '\x01', 'a\x1f', '\x7f', '\r\n'];
  const bad = [...names.map((name) => [name, 'v'] as const), ...values.map((value) => ['name', value] as const)];

  it.each(bad)('%j: %j spoils the block in each form, and not the table', (name, value) => {
    for (const field of [literal(name, value), added(name, value), huffmanField(name, value)]) {
      const { fields, table, block } = connection();
      expect(fields('82', field, added('good', '1'))).toBe('malformed');
      expect(list(block)).toEqual([
        [':method', 'GET'],
        ['good', '1'],
      ]);
      expect(fields('be')).toEqual([['good', '1']]);
      if (table().length === 1) continue;
      // The bad entry is there, and spoils each block that refers to it.
      expect(fields('be')).toEqual([['good', '1']]);
    }
  });

  it.each(bad)('%j: %j is as bad when it comes from the table', (name, value) => {
    const { fields } = connection();
    expect(fields(added(name, value))).toBe('malformed');
    expect(fields('be')).toBe('malformed');
    expect(fields('82')).toEqual([[':method', 'GET']]);
  });

  it('with a name from the table that is none', () => {
    const { fields } = connection();
    fields(added('A', '1'));
    expect(fields('0f2f', plainString('2'))).toBe('malformed');
    expect(fields('7e', plainString('3'))).toBe('malformed');
  });

  it.each(['', 'a\tb', 'a b', '\x80\xff', '"quoted", (comment)', '~'])('is none with the value %j', (value) => {
    for (const field of [literal('name', value), added('name', value), huffmanField('name', value)]) {
      expect(connection().fields(field)).toEqual([['name', value]]);
    }
  });

  it('refuses just the bytes that no value has', () => {
    for (let byte = 0; byte < 256; byte++) {
      const isGood = byte === 9 || (byte >= 32 && byte !== 127);
      const value = `a${String.fromCharCode(byte)}b`;
      expect(connection().fields(literal('n', value)) !== 'malformed', `byte ${byte}`).toBe(isGood);
    }
  });
});

describe('a list', () => {
  it('is measured with names, values and 32 bytes for each field', () => {
    const { block, decode } = connection();
    decode('82', literal('abc', 'defg'), added('a', ''), huffmanField('ab', 'c'));
    expect(block.listBytes).toBe(10 + 32 + 7 + 32 + 1 + 32 + 3 + 32);
  });

  const forms = {
    literal: () => literal('ab', 'c'.repeat(65)),
    huffman: () => huffmanField('ab', 'c'.repeat(65)),
    added: () => added('ab', 'c'.repeat(65)),
  };
  it.each(Object.entries(forms))(
    'of just as many bytes as may be is kept, one byte more is not: %s',
    (_name, field) => {
      const exact = connection({ maxListBytes: 99 + 42 });
      expect(exact.fields('82', field())).toHaveLength(2);
      const over = connection({ maxListBytes: 99 + 41 });
      expect(over.fields('82', field())).toBe('too_large');
      expect(list(over.block)).toEqual([[':method', 'GET']]);
      expect(over.block.listBytes).toBe(99 + 42);
    },
  );

  it('of just as many fields as may be is kept, one more is not', () => {
    const { fields, block } = connection({ maxFields: 3 });
    expect(fields('82 86 84')).toHaveLength(3);
    for (const field of [Buffer.of(0x84), literal('a', '1'), added('a', '1'), huffmanField('a', '1')]) {
      expect(fields('82 86 84', field)).toBe('too_large');
      expect(block.size).toBe(3);
    }
  });

  it('that is too large still changes the table', () => {
    const { fields, table, block } = connection({ maxFields: 1 });
    expect(fields('82', added('a', '1'), '7e', plainString('2'), '7f 00', huffmanString('3'))).toBe('too_large');
    expect(block.size).toBe(1);
    expect(fields(indexed(63))).toEqual([['a', '2']]);
    expect(table()[1]).toEqual(['a', '2']);
    expect(table()[2]).toEqual(['a', '1']);
  });

  it('that is too large is so whether something malformed is before or behind the limit', () => {
    const bad = literal('A', '1');
    expect(connection({ maxFields: 1 }).fields(bad, '82 86')).toBe('too_large');
    expect(connection({ maxFields: 1 }).fields('82 86', bad)).toBe('too_large');
    expect(connection({ maxFields: 1 }).fields('82', added('A', '1'))).toBe('too_large');
    expect(connection({ maxFields: 2 }).fields('82', bad)).toBe('malformed');
  });

  it('that is too large is still held to its encoding', () => {
    for (const end of ['be', '40 0161', '00 0161 81 18', '3f00']) {
      expect(connection({ maxFields: 1 }).fields('82 82', end)).toBe('COMPRESSION_ERROR');
    }
  });

  it('is counted to its end, at the cost of counting only', () => {
    const { fields, block } = connection({ maxListBytes: 8192 });
    fields(added('a', 'x'.repeat(4000)));
    const bomb = Buffer.alloc(100_000, 0xbe);
    expect(fields(bomb)).toBe('too_large');
    expect(block.listBytes).toBe(100_000 * 4033);
    expect(block.size).toBe(2);
    expect(block.names.length).toBe(2);
  });

  it('with a Huffman text beyond all limits counts its characters, and goes on', () => {
    const { fields, block, table } = connection({ maxListBytes: 100 });
    const long = '0'.repeat(50_000);
    expect(fields(huffmanField('a', long), huffmanField(long, 'a'), added('b', '2'))).toBe('too_large');
    expect(block.listBytes).toBe(2 * (50_001 + 32) + 34);
    expect(fields(Buffer.concat([integer(0x40, 6, 0), huffmanString(long), huffmanString('c')]))).toBe('too_large');
    expect(table()).toEqual([]);
    expect(fields('82')).toEqual([[':method', 'GET']]);
  });

  it('is taken out of the block before the next one is read into it', () => {
    const { fields, block } = connection({ maxFields: 1 });
    fields('82 82');
    expect(fields('86')).toEqual([[':scheme', 'http']]);
    expect(block.listBytes).toBe(7 + 4 + 32);
    expect(fields()).toEqual([]);
    expect(block.listBytes).toBe(0);
  });
});

describe('decoders', () => {
  it('of several connections do not see each other', () => {
    const one = connection();
    const other = connection();
    one.decode(added('a', '1'));
    expect(other.fields('be')).toBe('COMPRESSION_ERROR');
    expect(one.fields('be')).toEqual([['a', '1']]);
  });

  it('have room for the longest Huffman text that a list may have', () => {
    const value = '0'.repeat(65_536 - 33);
    expect(connection().fields(huffmanField('a', value))).toEqual([['a', value]]);
    expect(connection().fields(huffmanField('a', `${value}0`))).toBe('too_large');
  });

  it('keep texts apart that lay in the same buffers', () => {
    const { fields } = connection();
    expect(fields(huffmanField('name', 'one'), huffmanField('eman', 'two'), literal('x', 'y'))).toEqual([
      ['name', 'one'],
      ['eman', 'two'],
      ['x', 'y'],
    ]);
  });
});
