import { expect, it } from 'vitest';
import { consulFailure } from '../../../src/cli/config/consul-failure.ts';
import { ConsulError } from '../../../src/discovery/consul-error.ts';

it.each([401, 403])('says of a token without the right (%i) what gives it, and that nothing was written', (status) => {
  const [text, code] = consulFailure(new ConsulError(`Consul answered ${status}: Permission denied`, status), 'here');
  expect(text).toMatch(/^remora: Consul at here: Consul answered .*\n.*remora consul-policy .*--key-list.*\n$/);
  expect(code).toBe(1);
});

it.each([null, 500])('does not know what became of anything else (%s)', (status) => {
  expect(consulFailure(new ConsulError('no leader', status), 'here')).toEqual([
    'remora: Consul at here: no leader\n',
    4,
  ]);
});
