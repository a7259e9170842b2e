import type { Random } from '../../base/random.ts';
import { BuildWork, HASH_WORK } from '../build-work.ts';
import type { Endpoint } from '../endpoint.ts';
import { type Hash64, hashText, mix } from '../hash.ts';
import { fingerprintOf, hashMembers, identityOf } from '../hash-members.ts';
import type { Balancer, HashingFacts, PickContext, Picker } from '../picker.ts';

/** A half of a hash that is made up: whoever mixes it needs no more bits. */
const ANY = 2 ** 31;

/** A pick among so many takes some ten microseconds. */
const MANY = 256;

/**
 * Rendezvous hashing, also called highest random weight (Thaler and Ravishankar, 1998): every endpoint draws a number
 * from the key and its own identity, and the one that waits shortest wins, with exponential waiting times whose rate is
 * the weight (score -w / ln u, the greatest wins). Shares are as exact as chance allows, whatever the weights, and a
 * change moves no key but those that the changed endpoint gets or had.
 *
 * There is no table: a pick looks at every endpoint, so it is linear in their number and meant for small clusters.
 *
 * The key's next endpoint, for a retry or while one is refused, is the one that would win without it.
 */
export class RendezvousBalancer implements Balancer {
  readonly name = 'rendezvous';

  constructor(private readonly random: Random) {}

  *build(endpoints: readonly Endpoint[], work = new BuildWork()): Generator<void, Picker> {
    const members = hashMembers(endpoints, identityOf);
    const hashes = new Uint32Array(2 * members.length);
    const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
    for (const [i, { key }] of members.entries()) {
      hashText(key, hash);
      hashes[2 * i] = hash.hashHigh;
      hashes[2 * i + 1] = hash.hashLow;
      if (work.isDue(HASH_WORK)) yield;
    }
    const facts = { fingerprint: fingerprintOf('rendezvous', members), advice: adviceOf(members.length) };
    const owners = members.map(({ endpoint }) => endpoint);
    return new Rendezvous(facts, owners, hashes, this.random);
  }
}

class Rendezvous implements Picker {
  private readonly weights: Float64Array;
  private readonly drawn: Hash64 = { hashHigh: 0, hashLow: 0 };

  constructor(
    readonly facts: HashingFacts,
    private readonly owners: readonly Endpoint[],
    /** Of each owner, high half then low half. */
    private readonly hashes: Uint32Array,
    private readonly random: Random,
  ) {
    this.weights = Float64Array.from(owners, ({ spec }) => spec.weight);
  }

  pick(context: PickContext): Endpoint | null {
    const { owners, hashes, weights, drawn } = this;
    // Whole numbers with a sign: others would be put on the heap.
    const high = context.hasHash ? context.hashHigh | 0 : this.random.below(ANY);
    const low = context.hasHash ? context.hashLow | 0 : this.random.below(ANY);
    let best: Endpoint | null = null;
    let tried: Endpoint | null = null;
    let leastWait = Number.POSITIVE_INFINITY;
    let leastWaitOfTried = Number.POSITIVE_INFINITY;
    for (let i = 0; i < owners.length; i++) {
      mix(high ^ hashes[2 * i]!, low ^ hashes[2 * i + 1]!, drawn);
      // The topmost 52 bits and a half: above 0 and below 1, and exact.
      const u = (drawn.hashHigh * 2 ** 20 + (drawn.hashLow >>> 12) + 0.5) / 2 ** 52;
      const wait = -Math.log(u) / weights[i]!;
      if (wait >= leastWait) continue;
      const endpoint = owners[i]!;
      if (!endpoint.gate.canAdmit(context.now)) continue;
      if (!context.avoid.includes(endpoint)) {
        best = endpoint;
        leastWait = wait;
      } else if (wait < leastWaitOfTried) {
        tried = endpoint;
        leastWaitOfTried = wait;
      }
    }
    if (best !== null) return best;
    if (tried === null) context.refusal = owners.length === 0 ? 'no_endpoint' : 'circuit_open';
    return tried;
  }
}

function adviceOf(members: number): string | null {
  if (members <= MANY) return null;
  return `rendezvous looks at each of ${members} endpoints for every request, which takes long above ${MANY}; use ring_hash or maglev`;
}
