import { expect, it } from 'vitest';
import { undeclaredUpstream } from '../../src/config/undeclared.ts';
import { unsaidUpstream } from '../../src/config/unsaid-upstream.ts';
import { good, web } from './parse.ts';

it('treats a service that nobody declared like one declared by its name alone', () => {
  const declared = good(web('consul: {}\nupstreams: { orders: {} }')).upstreams.get('orders');
  const found = undeclaredUpstream({ service: 'orders', tag: 'v2', datacenter: 'dc2' }, unsaidUpstream({}));
  expect(found).toEqual({ ...declared, tag: 'v2', datacenter: 'dc2' });
});
