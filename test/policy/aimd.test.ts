import { expect, it } from 'vitest';
import { Aimd } from '../../src/policy/aimd.ts';

const law = (initial: number): Aimd => new Aimd({ min: 5, max: 30, initial }, { backoffRatio: 0.9, timeoutMs: 5_000 });

it('gives one more for each answer while half of it is in use', () => {
  const aimd = law(20);
  aimd.observe({ rttUs: 1_000, inFlight: 9, didDrop: false });
  expect(aimd.limit).toBe(20);
  for (let i = 0; i < 50; i++) aimd.observe({ rttUs: 1_000, inFlight: 15, didDrop: false });
  expect(aimd.limit).toBe(30);
});

it('takes a tenth for each refusal, and for each answer that took too long', () => {
  const aimd = law(20);
  aimd.observe({ rttUs: 0, inFlight: 1, didDrop: true });
  expect([aimd.limit, aimd.gradient]).toEqual([18, 0.9]);
  aimd.observe({ rttUs: 5_000_001, inFlight: 1, didDrop: false });
  expect(aimd.limit).toBe(16);
  aimd.observe({ rttUs: 5_000_000, inFlight: 16, didDrop: false });
  expect([aimd.limit, aimd.gradient]).toEqual([17, 1]);
  for (let i = 0; i < 50; i++) aimd.observe({ rttUs: 0, inFlight: 1, didDrop: true });
  expect(aimd.limit).toBe(5);
});
