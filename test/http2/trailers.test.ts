import { describe, expect, it } from 'vitest';
import { FieldList } from '../../src/http/fields.ts';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { readTrailers } from '../../src/http2/trailers.ts';
import { encodedTrailers, type Field, fieldsOf, received } from '../support/http2-heads.ts';

describe('trailers in HTTP/2', () => {
  it('are the fields of a block', () => {
    const block = received(new FieldBlock(), [
      ['grpc-status', '0'],
      ['grpc-message', ''],
      ['x-a', '1', 'secret'],
    ]);
    expect(readTrailers(block, false)).toBe(true);
    expect(block.get('grpc-status')).toBe('0');
    expect(encodedTrailers(block)).toEqual(fieldsOf(block));
  });

  it('of an answer are the metadata of a call, by any name that the wire has no use for', () => {
    const names = ['date', 'location', 'age', 'x-forwarded-for', 'content-type', 'retry-after'];
    const lost = ['content-length:5', 'host:b', 'te:trailers', 'cookie:a=1', 'expect:x', 'x-remora-hop:1'];
    const fields = names.map((name): Field => [name, '1']);
    const block = received(new FieldBlock(), [...lost.map(fieldOf), ...fields]);
    expect(readTrailers(block, false)).toBe(true);
    expect(fieldsOf(block)).toEqual(fields);
  });

  it('of a request lose what says how to read or treat a message', () => {
    const block = received(new FieldBlock(), [
      ...['content-length:5', 'host:b', 'te:trailers', 'cookie:a=1', 'authorization:x', 'x-remora-hop:1'].map(fieldOf),
      ['x-kept', '1'],
      ['set-cookie', 'a=1'],
    ]);
    expect(readTrailers(block, true)).toBe(true);
    expect(fieldsOf(block)).toEqual([['x-kept', '1']]);
  });

  it.each<[string, Field]>([
    ['a pseudo-field', [':status', '200']],
    ['an unknown pseudo-field', [':x', '1']],
    ['a field of the connection', ['connection', 'close']],
    ['a coding', ['transfer-encoding', 'chunked']],
    ['a name in upper case', ['X-A', '1']],
    ['a line end in a value', ['x-a', '1\n2']],
  ])('are refused with %s', (_name, field) => {
    for (const isRequest of [true, false]) {
      expect(readTrailers(received(new FieldBlock(), [['x-b', '1'], field]), isRequest)).toBe(false);
    }
  });

  it('come from any wire', () => {
    const list = new FieldList().add('x-sum', '1').add('authorization', 'x');
    expect(encodedTrailers(list)).toEqual([
      ['x-sum', '1'],
      ['authorization', 'x', 'secret'],
    ]);
  });
});

function fieldOf(text: string): Field {
  const [name, value] = text.split(':');
  return [name!, value!];
}
