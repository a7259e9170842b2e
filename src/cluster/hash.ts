/** Where a 64-bit hash goes, in two unsigned halves. A `PickContext` is one. */
export interface Hash64 {
  hashHigh: number;
  hashLow: number;
}

/** Text up to this many characters is hashed without an allocation. */
const SCRATCH_BYTES = 1024;
const scratch = Buffer.alloc(SCRATCH_BYTES);
const SHORT_TEXT = 32;

/**
 * xxHash64 (Collet) of a text's latin1 bytes: for field values, that is what stood on the wire. A well-known hash, so
 * that other programs can compute where a key goes. The seed is 64 bits in two halves, 0 unless given.
 *
 * A Number holds 53 bits and a BigInt allocates, so a 64-bit word is a pair of 32-bit halves here, and the arithmetic
 * leaves the high half of its answer in `high` and returns the low one.
 */
export function hashText(text: string, into: Hash64, seedLow = 0, seedHigh = 0): void {
  if (text.length > SCRATCH_BYTES) return hashBytes(Buffer.from(text, 'latin1'), text.length, into, seedLow, seedHigh);
  // A call into native code costs as much as some dozens of characters.
  if (text.length > SHORT_TEXT) scratch.write(text, 'latin1');
  else for (let i = 0; i < text.length; i++) scratch[i] = text.charCodeAt(i);
  hashBytes(scratch, text.length, into, seedLow, seedHigh);
}

/** The same for the first `length` bytes. */
export function hashBytes(bytes: Buffer, length: number, into: Hash64, seedLow = 0, seedHigh = 0): void {
  let at = 0;
  if (length >= 32) {
    startLanes(seedLow, seedHigh);
    for (; at + 32 <= length; at += 32) {
      for (let lane = 0; lane < 4; lane++) absorb(lane, bytes, at + 8 * lane);
    }
    foldLanes();
  } else {
    add(P5_LOW, P5_HIGH, seedLow, seedHigh);
  }
  add(accLow, accHigh, length, 0);
  for (; at + 8 <= length; at += 8) {
    round(0, 0, bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
    xorRotateMultiplyAdd(low, high, 27, P1_LOW, P1_HIGH, P4_LOW, P4_HIGH);
  }
  if (at + 4 <= length) {
    multiply(bytes.readUInt32LE(at), 0, P1_LOW, P1_HIGH);
    xorRotateMultiplyAdd(low, high, 23, P2_LOW, P2_HIGH, P3_LOW, P3_HIGH);
    at += 4;
  }
  for (; at < length; at++) {
    multiply(bytes[at]!, 0, P5_LOW, P5_HIGH);
    xorRotateMultiplyAdd(low, high, 11, P1_LOW, P1_HIGH, 0, 0);
  }
  avalanche();
  into.hashHigh = accHigh >>> 0;
  into.hashLow = accLow >>> 0;
}

/** The last step of xxHash64 alone: every bit of a 64-bit word reaches every other, and no two words become one. */
export function mix(wordHigh: number, wordLow: number, into: Hash64): void {
  accLow = wordLow | 0;
  accHigh = wordHigh | 0;
  avalanche();
  into.hashHigh = accHigh >>> 0;
  into.hashLow = accLow >>> 0;
}

/** The 64-bit word modulo a whole number up to 2^26: what is multiplied stays within the 53 bits of a Number. */
export function remainder({ hashHigh, hashLow }: Hash64, divisor: number): number {
  return ((hashHigh % divisor) * (TWO_32 % divisor) + (hashLow % divisor)) % divisor;
}

const TWO_32 = 2 ** 32;

// --- The five primes of xxHash64 ---

const P1_HIGH = 0x9e3779b1;
const P1_LOW = 0x85ebca87;
const P2_HIGH = 0xc2b2ae3d;
const P2_LOW = 0x27d4eb4f;
const P3_HIGH = 0x165667b1;
const P3_LOW = 0x9e3779f9;
const P4_HIGH = 0x85ebca77;
const P4_LOW = 0xc2b2ae63;
const P5_HIGH = 0x27d4eb2f;
const P5_LOW = 0x165667c5;

/** Four accumulators, low half then high half: P1 + P2, P2, 0, -P1. */
const LANES_AT_START = new Int32Array([0xadc0b5d6, 0x60ea27ee, P2_LOW, P2_HIGH, 0, 0, 0x7a143579, 0x61c8864e]);
const LANES = new Int32Array(8);

// --- The state of one call ---

let low = 0;
let high = 0;
let accLow = 0;
let accHigh = 0;

function startLanes(seedLow: number, seedHigh: number): void {
  for (let at = 0; at < LANES.length; at += 2) {
    add(LANES_AT_START[at]!, LANES_AT_START[at + 1]!, seedLow, seedHigh);
    LANES[at] = accLow;
    LANES[at + 1] = accHigh;
  }
}

function absorb(lane: number, bytes: Buffer, at: number): void {
  round(LANES[2 * lane]!, LANES[2 * lane + 1]!, bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
  LANES[2 * lane] = low;
  LANES[2 * lane + 1] = high;
}

function foldLanes(): void {
  accLow = 0;
  accHigh = 0;
  for (let lane = 0; lane < 4; lane++) {
    rotate(LANES[2 * lane]!, LANES[2 * lane + 1]!, LANE_ROTATIONS[lane]!);
    add(accLow, accHigh, low, high);
  }
  for (let lane = 0; lane < 4; lane++) {
    round(0, 0, LANES[2 * lane]!, LANES[2 * lane + 1]!);
    multiply(accLow ^ low, accHigh ^ high, P1_LOW, P1_HIGH);
    add(low, high, P4_LOW, P4_HIGH);
  }
}

const LANE_ROTATIONS = [1, 7, 12, 18];

/** word = rotate(seed + input x P2, 31) x P1 */
function round(seedLow: number, seedHigh: number, inputLow: number, inputHigh: number): void {
  multiply(inputLow, inputHigh, P2_LOW, P2_HIGH);
  const sum = (seedLow >>> 0) + (low >>> 0);
  const carry = sum > 0xffffffff ? 1 : 0;
  rotate(sum | 0, (seedHigh + high + carry) | 0, 31);
  multiply(low, high, P1_LOW, P1_HIGH);
}

/** acc = rotate(acc ^ word, by) x factor + term */
function xorRotateMultiplyAdd(
  wordLow: number,
  wordHigh: number,
  by: number,
  factorLow: number,
  factorHigh: number,
  termLow: number,
  termHigh: number,
): void {
  rotate(accLow ^ wordLow, accHigh ^ wordHigh, by);
  multiply(low, high, factorLow, factorHigh);
  add(low, high, termLow, termHigh);
}

/** acc = the final mix: three shifts with two multiplications between them, so that every bit reaches every other. */
function avalanche(): void {
  multiply(accLow ^ (accHigh >>> 1), accHigh, P2_LOW, P2_HIGH);
  multiply(low ^ ((low >>> 29) | (high << 3)), high ^ (high >>> 29), P3_LOW, P3_HIGH);
  accLow = low ^ high;
  accHigh = high;
}

// --- 64-bit arithmetic ---

/** acc = a + b */
function add(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  const sum = (aLow >>> 0) + (bLow >>> 0);
  accLow = sum | 0;
  accHigh = (aHigh + bHigh + (sum > 0xffffffff ? 1 : 0)) | 0;
}

/** word = rotate left by 1 .. 31 */
function rotate(aLow: number, aHigh: number, by: number): void {
  low = (aLow << by) | (aHigh >>> (32 - by));
  high = (aHigh << by) | (aLow >>> (32 - by));
}

/** word = a x b, the lower 64 bits */
function multiply(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  const a0 = aLow & 0xffff;
  const a1 = aLow >>> 16;
  const b0 = bLow & 0xffff;
  const b1 = bLow >>> 16;
  const t = a0 * b0;
  const u = a1 * b0 + (t >>> 16);
  const v = a0 * b1 + (u & 0xffff);
  // None of these needs more than 32 bits: (2^16 - 1)^2 + 2^16 - 1 is below 2^32. So all of it is integer arithmetic.
  const upper = a1 * b1 + (u >>> 16) + (v >>> 16);
  low = (v << 16) | (t & 0xffff);
  high = (upper + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow)) | 0;
}
