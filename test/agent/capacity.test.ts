import { expect, it } from 'vitest';
import { makeCapacity } from '../../src/agent/capacity.ts';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { DEFAULT_CRITICALITY_OPTIONS } from '../../src/policy/criticality-rule.ts';
import { DEFAULT_LIMITS } from '../../src/policy/options.ts';
import { evidence } from '../support/evidence.ts';
import { ManualClock } from '../support/manual-clock.ts';

const AIMD = { ...DEFAULT_ADAPTIVE.law, algorithm: 'aimd' } as const;
const OPTIONS = {
  limits: DEFAULT_LIMITS,
  adaptive: { ...DEFAULT_ADAPTIVE, law: AIMD },
  criticality: DEFAULT_CRITICALITY_OPTIONS,
};

it('goes on with what is in flight, in line and learned, under the limits of the new configuration', () => {
  const before = makeCapacity(new ManualClock(), OPTIONS, null);
  const ticket = before.admission.admit(0);
  const answer = evidence('success', { status: 200, sentAt: 1, firstByteAt: 2 });
  for (let i = 0; i < 30; i++) before.admission.adaptive.learn(50, answer, 2);
  expect(before.admission.adaptive.limit).toBe(50);

  const limits = { ...DEFAULT_LIMITS, maxRequests: 1 };
  const adaptive = { ...OPTIONS.adaptive, mode: 'enforce', law: { ...AIMD } } as const;
  const after = makeCapacity(new ManualClock(), { limits, adaptive, criticality: { ...OPTIONS.criticality } }, before);
  expect(after).toEqual(before);
  expect([after.admission.inFlight, after.admission.canAdmit(0), after.admission.adaptive.limit]).toEqual([
    1,
    false,
    50,
  ]);
  after.admission.settle(ticket, answer, 3);
  expect(after.admission.inFlight).toBe(0);
});

it('takes another word on how much requests matter for those who come from now on', () => {
  const before = makeCapacity(new ManualClock(), OPTIONS, null);
  const criticality = { ...DEFAULT_CRITICALITY_OPTIONS, default: 'sheddable' } as const;
  const after = makeCapacity(new ManualClock(), { ...OPTIONS, criticality }, before);
  expect([before.criticality.options.default, after.criticality.options.default]).toEqual(['critical', 'sheddable']);
});
