import type { Endpoint } from './endpoint.ts';
import { type Hash64, hashText } from './hash.ts';
import type { Balancer, Picker } from './picker.ts';

/** A fraction of a millisecond's work. */
const HASHES_PER_SLICE = 1_024;

/**
 * Lets a balancer see only so many endpoints of a very large cluster, so that a sidecar keeps few connections and an
 * endpoint few callers (gRPC's A68).
 *
 * Every caller ranks the endpoints by a hash of its own name and theirs (rendezvous) and uses the first of them. So a
 * caller has the same ones after a restart, callers are spread evenly without a word between them, and of a subset no
 * more changes than its cluster did: for each member that goes, the next in rank comes in.
 */
export class SubsettingBalancer implements Balancer {
  readonly name: string;

  constructor(
    private readonly inner: Balancer,
    private readonly size: number,
    /** Who calls: no two sidecars of a mesh may be called the same, or they would have the same subset. */
    private readonly caller: string,
  ) {
    this.name = inner.name;
  }

  *build(endpoints: readonly Endpoint[]): Generator<void, Picker> {
    if (endpoints.length <= this.size) return yield* this.inner.build(endpoints);
    const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
    const ranked: Ranked[] = [];
    for (const endpoint of endpoints) {
      hashText(`${this.caller}\n${endpoint.id}`, hash);
      ranked.push({ endpoint, high: hash.hashHigh, low: hash.hashLow });
      if (ranked.length % HASHES_PER_SLICE === 0) yield;
    }
    ranked.sort(byRank);
    const chosen = new Set(ranked.slice(0, this.size).map(({ endpoint }) => endpoint));
    return yield* this.inner.build(endpoints.filter((endpoint) => chosen.has(endpoint)));
  }
}

interface Ranked {
  readonly endpoint: Endpoint;
  readonly high: number;
  readonly low: number;
}

function byRank(a: Ranked, b: Ranked): number {
  return a.high - b.high || a.low - b.low || (a.endpoint.id < b.endpoint.id ? -1 : 1);
}
