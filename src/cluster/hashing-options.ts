/** The balancers that send a key to an endpoint. */
export const HASHING_NAMES = ['ring_hash', 'maglev', 'rendezvous'] as const;

/** Does it send a key to one endpoint, whichever sidecar asks and wherever that is? */
export function isHashing(balancer: string): boolean {
  return HASHING_NAMES.some((name) => name === balancer);
}

/**
 * `fixed`: as many points per unit of weight as it is told, whoever else is there, so that one that comes or goes moves
 * no key of others. `envoy`: as many as Envoy makes, so that both send a key to the same endpoint.
 */
export type RingOptions =
  | { readonly sizing: 'fixed'; readonly points: number; readonly maxSize: number }
  | { readonly sizing: 'envoy'; readonly minSize: number; readonly maxSize: number };

export interface MaglevOptions {
  /** A prime, or some slots would be out of reach of some endpoints. */
  readonly tableSize: number;
}

/** What is said of the balancers that hash. */
export interface HashingOptions {
  readonly ring?: RingOptions;
  readonly maglev?: MaglevOptions;
  /** How far above its fair share of what is in flight an endpoint may go, above 1; absent: as far as keys take it. */
  readonly boundedLoad?: number;
}

/** Ketama's number: shares come out within about 8 % of fair. A ring that is full takes less than a megabyte. */
export const DEFAULT_FIXED_RING = { sizing: 'fixed', points: 160, maxSize: 65_536 } as const satisfies RingOptions;
/** Envoy's. */
export const DEFAULT_ENVOY_RING = {
  sizing: 'envoy',
  minSize: 1024,
  maxSize: 8_388_608,
} as const satisfies RingOptions;
/** Envoy's, and the smaller one of the paper's. */
export const DEFAULT_MAGLEV: MaglevOptions = { tableSize: 65_537 };

export const MAX_RING_SIZE = 8_388_608;
/** A prime, and Envoy's limit. */
export const MAX_TABLE_SIZE = 5_000_011;
