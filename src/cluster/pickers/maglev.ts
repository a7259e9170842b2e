import { primeFrom } from '../../base/prime.ts';
import type { Random } from '../../base/random.ts';
import { BuildWork, HASH_WORK, PROBE_WORK } from '../build-work.ts';
import type { Endpoint } from '../endpoint.ts';
import { type Hash64, hashText, remainder } from '../hash.ts';
import { addressOf, fingerprintOf, type HashMember, hashMembers } from '../hash-members.ts';
import { DEFAULT_MAGLEV, MAX_TABLE_SIZE, type MaglevOptions } from '../hashing-options.ts';
import type { Balancer, HashingFacts, PickContext, Picker } from '../picker.ts';
import { isUsable, lastResort } from './last-resort.ts';

const FREE = 0;

/**
 * Of each slot, the number of its owner and one more, so that a table is free as it comes: filling millions takes long.
 */
type Table = Uint16Array | Uint32Array;

/** With a hundred slots each, shares come out within a percent and little moves that does not have to (section 3.4). */
const SLOTS_EACH = 100;

/**
 * Maglev (Eisenbud, 2016), placed as Envoy does: a table in which every endpoint has slots in proportion to its weight,
 * and a key goes to the slot of its remainder. Shares are nearly exact and a look-up is one read, at the price that a
 * change also moves some keys between endpoints that stay.
 *
 * Endpoints take turns, by address, the heaviest one in every round and each one in the first; who has the turn takes
 * the first free slot of its own permutation of the table.
 *
 * Refused and already tried endpoints are stepped over along the table, so that a retry goes to the same next endpoint
 * in every sidecar. A request without a key goes to a random slot.
 */
export class MaglevBalancer implements Balancer {
  readonly name = 'maglev';

  constructor(
    private readonly random: Random,
    private readonly options: MaglevOptions = DEFAULT_MAGLEV,
  ) {}

  *build(endpoints: readonly Endpoint[], work = new BuildWork()): Generator<void, Picker> {
    const { tableSize } = this.options;
    const members = hashMembers(endpoints, addressOf);
    const facts = {
      fingerprint: fingerprintOf(`maglev ${tableSize}`, members),
      advice: adviceOf(members.length, tableSize),
    };
    const table = members.length === 0 ? new Uint16Array(1) : yield* filled(members, tableSize, work);
    const owners = members.map(({ endpoint }) => endpoint);
    return new Maglev(facts, owners, table, this.random);
  }
}

class Maglev implements Picker {
  constructor(
    readonly facts: HashingFacts,
    private readonly owners: readonly Endpoint[],
    private readonly table: Table,
    private readonly random: Random,
  ) {}

  pick(context: PickContext): Endpoint | null {
    const { owners, table } = this;
    const n = owners.length;
    if (n < 2) return lastResort(owners, 0, context);
    const slot = context.hasHash ? remainder(context, table.length) : this.random.below(table.length);
    let at = slot;
    // Long enough to meet most endpoints, short enough when nearly everything is refused.
    for (let step = Math.min(table.length, 4 * n); step > 0; step--) {
      const endpoint = owners[table[at]! - 1]!;
      if (isUsable(endpoint, context)) return endpoint;
      if (++at === table.length) at = 0;
    }
    return lastResort(owners, slot % n, context);
  }
}

/** Fills a table. The comparisons of weights are in the order of Envoy's arithmetic. */
function* filled(members: readonly HashMember[], size: number, work: BuildWork): Generator<void, Table> {
  const n = members.length;
  const slots = new Uint32Array(n);
  const skips = new Uint32Array(n);
  const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
  for (const [owner, { key }] of members.entries()) {
    hashText(key, hash);
    slots[owner] = remainder(hash, size);
    hashText(key, hash, 1);
    skips[owner] = remainder(hash, size - 1) + 1;
    if (work.isDue(2 * HASH_WORK)) yield;
  }
  const greatest = members.reduce((greatest, { share }) => Math.max(greatest, share), 0);
  const shares = Float64Array.from(members, ({ share }) => share);
  const targets = new Float64Array(n);
  const table = n < 0xffff ? new Uint16Array(size) : new Uint32Array(size);
  let taken = 0;
  for (let round = 1; taken < size; round++) {
    for (let owner = 0; owner < n && taken < size; owner++) {
      if (work.isDue(1)) yield;
      if (round * shares[owner]! < targets[owner]!) continue;
      targets[owner]! += greatest;
      let slot = slots[owner]!;
      while (table[slot] !== FREE) {
        slot = (slot + skips[owner]!) % size;
        if (work.isDue(PROBE_WORK)) yield;
      }
      table[slot] = owner + 1;
      taken++;
      slots[owner] = (slot + skips[owner]!) % size;
      // The first write to a page of a large table costs most.
      if (work.isDue(2 * PROBE_WORK)) yield;
    }
  }
  return table;
}

function adviceOf(members: number, tableSize: number): string | null {
  if (members * SLOTS_EACH <= tableSize) return null;
  const better = Math.min(primeFrom(members * SLOTS_EACH), MAX_TABLE_SIZE);
  if (better <= tableSize) return `${members} endpoints are more than a table of Maglev is good for; use ring_hash`;
  return `${members} endpoints share a table of ${tableSize} slots, fewer than ${SLOTS_EACH} each: shares are uneven and more keys move than must; set maglev.tableSize to ${better}`;
}
