import { expect, it } from 'vitest';
import { SpentTraces } from '../../src/proxy/spent-traces.ts';

it('remembers a trace for ten seconds after it was last told', () => {
  const spent = new SpentTraces();
  spent.add('a', 0);
  spent.add('a', 5_000);
  expect(spent.has('a', 14_999)).toBe(true);
  expect(spent.has('a', 15_000)).toBe(false);
  expect(spent.has('b', 0)).toBe(false);
});

it('has room for 4096, and forgets who was told longest ago first', () => {
  const spent = new SpentTraces();
  for (let i = 0; i < 4096; i++) spent.add(String(i), i);
  spent.add('0', 5_000);
  spent.add('new', 5_000);
  expect(spent.size).toBe(4096);
  expect(spent.dropped).toBe(1);
  expect([spent.has('0', 5_000), spent.has('1', 5_000), spent.has('new', 5_000)]).toEqual([true, false, true]);
});

it('does not count what was forgotten in its time', () => {
  const spent = new SpentTraces();
  for (let i = 0; i < 4096; i++) spent.add(String(i), 0);
  spent.add('new', 20_000);
  expect(spent.dropped).toBe(0);
});
