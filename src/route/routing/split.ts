import type { Random } from '../../base/random.ts';
import { type Hash64, hashText, mix } from '../../cluster/hash.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Plan } from '../../proxy/plan.ts';
import type { Routed } from '../../proxy/routed.ts';
import type { Lead, RouteCount } from './lead.ts';
import type { Leaf } from './leaf.ts';
import type { StickyKey } from './sticky.ts';

/** One target of a split. */
export interface Branch {
  readonly leaf: Leaf;
  /** Above 0. */
  readonly weight: number;
  /** Tells it from the others of its split: `orders/v2`. */
  readonly name: string;
}

/** A half of a word that is drawn: whoever mixes it needs no more bits. */
const ANY = 2 ** 31;

/**
 * Several targets, each with its share. The law: a target is given its weight of all, and where a client has a key
 * (`sticky`), it is given the same target each time, and a weight that grows or shrinks moves nobody but those whom
 * that target gains or loses.
 *
 * That is what rendezvous hashing gives (see `cluster/pickers/rendezvous.ts`): every target waits for a time that it
 * draws from the key and its own name, exponential with its weight as its rate, and the shortest wait wins. Places on
 * a line of shares would be as exact, and would move bystanders whenever a share in the middle changes. Without a key
 * the word is drawn by chance, and there is no second algorithm.
 *
 * A target where discovery knows of nobody is passed over, and its clients get the target that is next in their order,
 * as if it had no weight. Where nobody is anywhere, the request goes where it belongs, and fails there.
 */
export class Split implements Lead {
  readonly leaves: readonly Leaf[];
  /** Of each target's name, high half then low half. */
  private readonly names: Uint32Array;
  private readonly weights: Float64Array;
  private readonly word: Hash64 = { hashHigh: 0, hashLow: 0 };

  constructor(
    readonly count: RouteCount,
    branches: readonly Branch[],
    private readonly sticky: StickyKey,
    private readonly random: Random,
  ) {
    this.leaves = branches.map(({ leaf }) => leaf);
    this.weights = Float64Array.from(branches, ({ weight }) => weight);
    this.names = new Uint32Array(2 * branches.length);
    const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
    for (const [i, { name }] of branches.entries()) {
      hashText(name, hash);
      this.names[2 * i] = hash.hashHigh;
      this.names[2 * i + 1] = hash.hashLow;
    }
  }

  planOf(head: RequestHead, routed: Routed): Plan | null {
    this.count.requests += 1;
    const { word } = this;
    const hasKey = this.sticky.read(head, routed, word);
    // Whole numbers with a sign: others would be put on the heap.
    const high = hasKey ? word.hashHigh | 0 : this.random.below(ANY);
    const low = hasKey ? word.hashLow | 0 : this.random.below(ANY);
    return this.choose(high, low).plan;
  }

  private choose(high: number, low: number): Leaf {
    const { leaves, names, weights, word } = this;
    let best: Leaf | null = null;
    let deserted = leaves[0]!;
    let leastWait = Number.POSITIVE_INFINITY;
    let leastWaitOfDeserted = Number.POSITIVE_INFINITY;
    for (let i = 0; i < leaves.length; i++) {
      mix(high ^ names[2 * i]!, low ^ names[2 * i + 1]!, word);
      // The topmost 52 bits and a half: above 0 and below 1, and exact.
      const u = (word.hashHigh * 2 ** 20 + (word.hashLow >>> 12) + 0.5) / 2 ** 52;
      const wait = -Math.log(u) / weights[i]!;
      if (wait >= leastWait) continue;
      const leaf = leaves[i]!;
      if (!leaf.isDeserted) {
        best = leaf;
        leastWait = wait;
      } else if (wait < leastWaitOfDeserted) {
        deserted = leaf;
        leastWaitOfDeserted = wait;
      }
    }
    return best ?? deserted;
  }
}
