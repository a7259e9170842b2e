import { describe, expect, it } from 'vitest';
import { merged } from './accepted.mjs';

describe('merged settings', () => {
  it('has the keys of both, and of a key that both have what is laid over', () => {
    expect(merged({ a: { b: 1, c: [1] }, d: 1 }, { a: { c: [2], e: null } })).toEqual({
      a: { b: 1, c: [2], e: null },
      d: 1,
    });
  });
});
