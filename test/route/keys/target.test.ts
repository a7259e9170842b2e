import { describe, expect, it } from 'vitest';
import { QueryText, SegmentText } from '../../../src/route/keys/target.ts';
import { TextKey } from '../../../src/route/keys/text.ts';
import { requestHead } from '../../support/exchange-script.ts';
import { hashed } from '../../support/keys.ts';

describe('a parameter of the query', () => {
  it.each([
    ['/?user=1', '1'],
    ['/x?a=2&user=1', '1'],
    ['/x?user=1&user=2', '1'],
    ['/x?users=3&user=1', '1'],
    ['/x?User=1', null],
    ['/x?user', ''],
    ['/x?user&a', ''],
    ['/x?user=', ''],
    ['/x?user=a=b', 'a=b'],
    ['/x?user=a?user=b', 'a?user=b'],
    ['/x?a=1?user=2', null],
    ['/x?user=%31', '%31'],
    ['/x&user=1', null],
    ['/user=1', null],
    ['/x?', null],
    ['/x?&&user=1', '1'],
    ['*', null],
  ])('is read in %s as %j', (target, value) => {
    expect(new QueryText('user').read(requestHead({ path: target }))).toBe(value);
  });
});

describe('a segment of the path', () => {
  it.each([
    ['/users/42', 1, 'users'],
    ['/users/42', 2, '42'],
    ['/users/42', 3, null],
    ['/users/42/', 3, null],
    ['/users/42?x/y', 2, '42'],
    ['/users?x=/42', 2, null],
    ['/?x', 1, null],
    ['/', 1, null],
    ['//a', 1, null],
    ['//a', 2, 'a'],
    ['/a%2Fb/c', 1, 'a%2Fb'],
    ['*', 1, null],
  ])('of %s at %i is %j', (target, number, value) => {
    expect(new SegmentText(number).read(requestHead({ path: target }))).toBe(value);
  });
});

it('a part of the target is the key, and none of an opaque connection', () => {
  const key = new TextKey(new SegmentText(2));
  expect(hashed(key, requestHead({ path: '/users/alice?x' }))).toBe('73a3ea485f2e6049');
  expect(hashed(key, requestHead({ path: '/users' }))).toBeNull();
  expect(hashed(key, null)).toBeNull();
  expect(hashed(new TextKey(new QueryText('user')), null)).toBeNull();
});
