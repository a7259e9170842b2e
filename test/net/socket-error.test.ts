import { expect, it } from 'vitest';
import { FAILURES } from '../../src/base/failure.ts';
import { dialFailure } from '../../src/net/socket-error.ts';
import { outcomeOf } from '../../src/policy/classify.ts';

const V4 = '10.0.0.1';
const V6 = 'fd00::1';

it.each([
  ['ECONNREFUSED', V4, 'connect_refused'],
  ['ETIMEDOUT', V4, 'connect_timeout'],
  ['EHOSTUNREACH', V4, 'connect_failed'],
  ['EMFILE', V4, 'local_exhausted'],
  ['ENFILE', V6, 'local_exhausted'],
  ['ENOBUFS', V4, 'local_exhausted'],
  ['ENOMEM', V4, 'local_exhausted'],
  ['EADDRNOTAVAIL', V4, 'local_exhausted'],
  ['EADDRNOTAVAIL', V6, 'connect_failed'],
])('%s on the way to %s is %s', (name, host, code) => {
  expect(dialFailure(name, host)).toBe(code);
});

it('is no evidence against an endpoint, and no reason to try another, when this machine has run out', () => {
  expect(outcomeOf('local_exhausted', 0, 0, 0)).toBe('ignored');
  expect(FAILURES.local_exhausted.retry).toBe('never');
});
