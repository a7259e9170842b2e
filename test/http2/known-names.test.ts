import { describe, expect, it } from 'vitest';
import { INVALID, kindOf } from '../../src/http2/field-kinds.ts';
import { nameIn } from '../../src/http2/known-names.ts';

function read(name: string) {
  const bytes = Buffer.from(`<${name}>`, 'latin1');
  return nameIn(bytes, 1, bytes.length - 1);
}

describe('a name', () => {
  it('is what the bytes say, however many others were read before', () => {
    const names = ['', 'te', 'x-request-id', 'X-Request-Id', 'a b', 'n'.repeat(64), 'n'.repeat(65), '\xff\x80'];
    for (let n = 0; n < 2000; n++) names.push(`x-${n}`, `${n}-x`);
    for (let round = 0; round < 2; round++) {
      for (const name of names) {
        const { name: seen, kind } = read(name);
        expect(seen).toBe(name);
        expect(kind, name).toBe(kindOf(name));
      }
    }
  });

  it('is told from one that differs in a byte, also where no key looks', () => {
    for (const name of ['abcdefghij', 'abXdefghij', 'abcdefgXij', 'abcdefghij']) expect(read(name).name).toBe(name);
  });

  it('is the same object each time while no other has its place', () => {
    expect(read('x-remora-hop')).toBe(read('x-remora-hop'));
    expect(read('')).toEqual({ name: '', kind: INVALID });
  });
});
