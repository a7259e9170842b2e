import type { BalancerOptions } from './options.ts';

/** Up to here a look at everyone costs less than the request it is for, by far. */
const MANY = 256;

/** What an operator should know of a balancer that looks at every endpoint for each request, or null. */
export function linearConcern({ name, leastRequest }: BalancerOptions, endpointCount: number): string | null {
  const isLinear = name === 'first' || (name === 'least_request' && leastRequest?.selection === 'full_scan');
  if (!isLinear || endpointCount <= MANY) return null;
  const what = name === 'first' ? 'first' : 'least_request with full_scan';
  return `${what} may look at all ${endpointCount} endpoints for each request; it is meant for up to ${MANY}`;
}
