import { randomFillSync } from 'node:crypto';

/** Chance as an argument. Not for secrets. */
export interface Random {
  /** A whole number in 0 .. 2^32-1. */
  uint32(): number;
  /** A fraction in 0 (included) .. 1 (excluded). */
  next(): number;
  /** A whole number in 0 .. n-1, for n in 1 .. 2^32. The bias is below n / 2^32. */
  below(n: number): number;
}

/** xoshiro128** (Blackman and Vigna, 2018): small, fast, and the same stream for the same seed on every machine. */
export class SeededRandom implements Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /**
   * One 32-bit word, spread over the state so that near seeds give unrelated streams; or the whole state, four words.
   */
  constructor(seed: number | Uint32Array) {
    const state = typeof seed === 'number' ? spread(seed) : seed;
    this.a = state[0]! | 0;
    this.b = state[1]! | 0;
    this.c = state[2]! | 0;
    // The all-zero state is the one the generator never leaves.
    this.d = state[3]! | 1;
  }

  uint32(): number {
    return this.word() >>> 0;
  }

  next(): number {
    return this.uint32() / 4294967296;
  }

  /**
   * Asks for a signed word and returns a small whole number: neither has to be put on the heap where the call is not
   * inlined.
   */
  below(n: number): number {
    return Math.floor(((this.word() >>> 0) / 4294967296) * n);
  }

  private word(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(this.b, 5), 7), 9);
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = rotateLeft(this.d, 11);
    return scrambled;
  }
}

/** A stream no other process shares: ids made of it must not meet those of thousands of neighbours. */
export function freshRandom(): Random {
  return new SeededRandom(randomFillSync(new Uint32Array(4)));
}

/** SplitMix32. */
function spread(seed: number): Uint32Array {
  let state = seed >>> 0;
  return Uint32Array.from({ length: 4 }, () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  });
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
