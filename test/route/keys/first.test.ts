import { expect, it } from 'vitest';
import { makeFirstText } from '../../../src/route/hash-keys.ts';
import { PEER, type RequestText, requestHead } from '../../support/exchange-script.ts';

const text = makeFirstText([
  { kind: 'header', name: 'x-t' },
  { kind: 'cookie', name: 'sid', made: null },
  { kind: 'query', name: 't' },
  { kind: 'pattern', pattern: '/users/([^/]+)' },
  { kind: 'segment', number: 2 },
]);
const read = (request: RequestText): string | null => text.read(requestHead(request), PEER);

it('is the text of the first source that a request has, as it stands there', () => {
  const path = '/a/b%20c?t=%31';
  expect(read({ path, fields: { 'x-t': 'h', cookie: 'sid=s' } })).toBe('h');
  expect(read({ path, fields: { cookie: 'sid=s' } })).toBe('s');
  expect(read({ path })).toBe('%31');
  expect(read({ path: '/users/42/x' })).toBe('42');
  expect(read({ path: '/a/b%20c' })).toBe('b%20c');
});

it('is one that is empty, where what stands there may be empty', () => {
  expect(read({ path: '/a/b?t' })).toBe('');
  expect(read({ path: '/a/b', fields: { 'x-t': '' } })).toBe('');
});

it('is none of a request without any of them', () => {
  expect(read({ path: '/a//c' })).toBeNull();
  expect(read({ path: '/', fields: { cookie: 'sid=' } })).toBeNull();
});

it('may be the address of the client', () => {
  expect(makeFirstText([{ kind: 'source' }]).read(requestHead(), PEER)).toBe(PEER.address);
});
