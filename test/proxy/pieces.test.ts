import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { Pieces } from '../../src/proxy/pieces.ts';

function sent(pieces: Pieces): Buffer {
  const list: Buffer[] = [];
  pieces.sendTo({ sendBody: (bytes) => list.push(bytes) > 0 });
  expect(list.length).toBe(pieces.count);
  return Buffer.concat(list);
}

it('keeps all bytes in order, whatever they were cut into', () => {
  const random = new SeededRandom(5);
  const pieces = new Pieces();
  for (let round = 0; round < 100; round++) {
    const all: Buffer[] = [];
    for (let left = random.below(60); left > 0; left--) {
      const lent = Buffer.alloc(random.below(4) === 0 ? random.below(5_000) : random.below(200), random.below(256));
      all.push(Buffer.from(lent));
      pieces.add(lent);
      lent.fill(0);
    }
    const whole = Buffer.concat(all);
    expect(sent(pieces).equals(whole)).toBe(true);
    expect(pieces.join().equals(whole)).toBe(true);
    expect(pieces.size).toBe(whole.length);
    pieces.clear();
    expect([pieces.size, pieces.count]).toEqual([0, 0]);
  }
});

it('does not make an object of every byte', () => {
  const pieces = new Pieces();
  for (let at = 0; at < 65_536; at++) pieces.add(Buffer.from([at & 255]));
  expect(pieces.count).toBeLessThan(20);
  expect(sent(pieces)[65_535]).toBe(255);
});
