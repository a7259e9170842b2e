import { expect, it } from 'vitest';
import { decodeKvTree } from '../../src/discovery/kv-answer.ts';

const entry = (key: string, value: string | null, revision: number): object => ({
  Key: key,
  Value: value === null ? null : Buffer.from(value).toString('base64'),
  ModifyIndex: revision,
});

it('reads the keys that are kept, sorted, and of others nothing but that they are there', () => {
  const body = [entry('remora/config/mesh', '{}', 7), entry('remora/config/caller/other', 'secret: 1', 9)];
  expect(decodeKvTree(body, (key) => key.endsWith('mesh'))).toEqual([
    { key: 'remora/config/caller/other', text: null, isHeld: false, revision: '9' },
    { key: 'remora/config/mesh', text: '{}', isHeld: false, revision: '7' },
  ]);
});

it('has an empty text for a value that Consul calls null', () => {
  expect(decodeKvTree([entry('remora/rollout/', null, 3)])).toEqual([
    { key: 'remora/rollout/', text: '', isHeld: false, revision: '3' },
  ]);
});

it.each([[{}], [[{ Key: 'a', Value: null }]], [[{ Value: null, ModifyIndex: 1 }]], [[entry('a', 'b', 1), 7]]])(
  'refuses an answer of another shape, %j',
  (body) => {
    expect(() => decodeKvTree(body)).toThrow(/KV answer/);
  },
);
