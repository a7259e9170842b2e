import type { Random } from '../base/random.ts';

/**
 * A kept part is a share of this: a whole number, because a fraction would be put on the heap on its way out of a call.
 */
const WHOLE = 2 ** 30;

/**
 * Draws indexes in proportion to weights, in constant time (Walker's alias method, 1977, built as Vose does, 1991):
 * every index owns a column of equal width, of which it keeps a part and lends the rest to one other index.
 */
export class WeightedDraw {
  /** Null when all weights are equal: then a column is kept whole. */
  private readonly keeps: Uint32Array | null;
  private readonly lendsTo: Uint32Array;

  constructor(
    weights: readonly number[],
    private readonly random: Random,
  ) {
    const n = weights.length;
    this.lendsTo = new Uint32Array(n);
    const isUniform = weights.every((weight) => weight === weights[0]);
    this.keeps = isUniform ? null : Uint32Array.from(fill(weights, this.lendsTo), (share) => Math.round(share * WHOLE));
  }

  get isUniform(): boolean {
    return this.keeps === null;
  }

  /** Only when there is at least one weight. */
  draw(): number {
    const index = this.random.below(this.lendsTo.length);
    if (this.keeps === null || this.random.below(WHOLE) < this.keeps[index]!) return index;
    return this.lendsTo[index]!;
  }
}

/** What each index keeps, 0 .. 1. */
function fill(weights: readonly number[], lendsTo: Uint32Array): Float64Array {
  const n = weights.length;
  const keeps = new Float64Array(n);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const poor: number[] = [];
  const rich: number[] = [];
  for (let i = 0; i < n; i++) {
    keeps[i] = (weights[i]! * n) / total;
    lendsTo[i] = i;
    (keeps[i]! < 1 ? poor : rich).push(i);
  }
  while (poor.length > 0 && rich.length > 0) {
    const needy = poor.pop()!;
    const lender = rich.at(-1)!;
    lendsTo[needy] = lender;
    keeps[lender]! -= 1 - keeps[needy]!;
    if (keeps[lender]! < 1) poor.push(rich.pop()!);
  }
  // What is left is 1 but for rounding.
  for (const i of [...poor, ...rich]) keeps[i] = 1;
  return keeps;
}
