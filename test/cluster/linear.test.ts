import { expect, it } from 'vitest';
import { linearConcern } from '../../src/cluster/linear.ts';

const leastRequest = { selection: 'full_scan', choices: 2, bias: 1 } as const;

it('warns of balancers that look at everyone, above 256 endpoints', () => {
  expect(linearConcern({ name: 'first' }, 257)).toMatch(/^first may look at all 257 endpoints/);
  expect(linearConcern({ name: 'least_request', leastRequest }, 257)).toMatch(/^least_request with full_scan may/);
  expect(linearConcern({ name: 'first' }, 256)).toBeNull();
  expect(linearConcern({ name: 'least_request' }, 10_000)).toBeNull();
  expect(linearConcern({ name: 'random' }, 10_000)).toBeNull();
});
