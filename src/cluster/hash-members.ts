import type { Endpoint } from './endpoint.ts';
import { type Hash64, hashText } from './hash.ts';

/** An endpoint as pickers that hash see it. */
export interface HashMember {
  readonly endpoint: Endpoint;
  /** What is hashed of it. */
  readonly key: string;
  /** Its part of all weights, above 0 and at most 1. */
  readonly share: number;
}

/** Its identity: two instances at one address are two. */
export function identityOf({ id }: Endpoint): string {
  return id;
}

/** What Envoy hashes. Two instances at one address are one, and whichever comes first gets the keys of both. */
export function addressOf({ spec: { host, port } }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** In an order that is the same for every sidecar, whatever the order in which its discovery names them. */
export function hashMembers(
  endpoints: readonly Endpoint[],
  keyOf: (endpoint: Endpoint) => string,
): readonly HashMember[] {
  const total = endpoints.reduce((sum, { spec }) => sum + spec.weight, 0);
  return endpoints
    .map((endpoint) => ({ endpoint, key: keyOf(endpoint), share: endpoint.spec.weight / total }))
    .sort((a, b) => compare(a.key, b.key) || compare(a.endpoint.id, b.endpoint.id));
}

/**
 * One word that is the same in two sidecars when they send every key to the same endpoint: xxHash64 of a line with the
 * algorithm and a line `key weight` for each member, by key.
 */
export function fingerprintOf(algorithm: string, members: readonly HashMember[]): string {
  const lines = members.map(({ key, endpoint }) => `${key} ${endpoint.spec.weight}\n`);
  const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
  hashText(`${algorithm}\n${lines.join('')}`, hash);
  return hex(hash.hashHigh) + hex(hash.hashLow);
}

function hex(half: number): string {
  return half.toString(16).padStart(8, '0');
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
