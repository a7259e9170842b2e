import { expect, it } from 'vitest';
import { keyTextOf } from '../../src/route/key-text.ts';
import type { ShardKeyOptions } from '../../src/route/shard-options.ts';
import { type RequestText, requestHead } from '../support/exchange-script.ts';

function key(text: RequestText, ...sources: ShardKeyOptions[]): string | null {
  return keyTextOf(requestHead(text), sources);
}

it('is the value of a header, and an empty one is none', () => {
  expect(key({ fields: { 'x-t': 'acme' } }, { kind: 'header', name: 'x-t' })).toBe('acme');
  expect(key({ fields: { 'x-t': '' } }, { kind: 'header', name: 'x-t' })).toBeNull();
});

it.each([
  ['/a/b/c', 1, 'a'],
  ['/a/b/c', 3, 'c'],
  ['/a/b/c', 4, null],
  ['/a/b%2Fc?x=/1', 2, 'b%2Fc'],
  ['/a?x=/1', 2, null],
  ['/a//c', 2, null],
  ['/a//c', 3, 'c'],
  ['/a/', 2, null],
  ['/', 1, null],
  ['/?a', 1, null],
  ['*', 1, null],
])('is a part of the path: %s, %i', (path, number, expected) => {
  expect(key({ path }, { kind: 'segment', number })).toBe(expected);
});

it.each([
  ['/?t=1', '1'],
  ['/?a=b&t=1&t=2', '1'],
  ['/?at=0&t=%31', '%31'],
  ['/?t', null],
  ['/?t=', null],
  ['/?t&t=3', '3'],
  ['/t=1', null],
  ['/?', null],
])('is the first parameter of its name: %s', (path, expected) => {
  expect(key({ path }, { kind: 'query', name: 't' })).toBe(expected);
});

it('is that of the first source which has one', () => {
  const sources: ShardKeyOptions[] = [
    { kind: 'header', name: 'x-t' },
    { kind: 'segment', number: 1 },
  ];
  expect(key({ path: '/p' }, ...sources)).toBe('p');
  expect(key({ path: '/p', fields: { 'x-t': 'h' } }, ...sources)).toBe('h');
  expect(key({ path: '/' }, ...sources)).toBeNull();
});
