import type { Endpoint } from '../endpoint.ts';
import type { PickContext } from '../picker.ts';

/** Would its gate admit, and has this exchange not tried it? */
export function isUsable(endpoint: Endpoint, context: PickContext): boolean {
  return endpoint.gate.canAdmit(context.now) && !context.avoid.includes(endpoint);
}

/**
 * What every picker falls back on when its own few tries found nothing: look at everyone once, so that a usable
 * endpoint is found whenever there is one. An endpoint that was tried before is still better than none.
 */
export function lastResort(endpoints: readonly Endpoint[], from: number, context: PickContext): Endpoint | null {
  const n = endpoints.length;
  let tried: Endpoint | null = null;
  for (let k = 0; k < n; k++) {
    const endpoint = endpoints[(from + k) % n]!;
    if (!endpoint.gate.canAdmit(context.now)) continue;
    if (!context.avoid.includes(endpoint)) return endpoint;
    tried ??= endpoint;
  }
  if (tried === null) context.refusal = n === 0 ? 'no_endpoint' : 'circuit_open';
  return tried;
}
