import { describe, expect, it } from 'vitest';
import { Bug } from '../../src/base/invariant.ts';
import { AdaptiveLimit } from '../../src/policy/adaptive-limit.ts';
import { type AdaptiveMode, DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { Admission } from '../../src/policy/admission.ts';
import type { Criticality } from '../../src/policy/criticality.ts';
import { REFUSED } from '../../src/policy/gate.ts';
import { gateContract } from '../contract/gate.ts';
import { FAILURE, IGNORED, SUCCESS } from '../support/evidence.ts';

function admission(max: number, mode: AdaptiveMode = 'off', initial = 10): Admission {
  const law = { ...DEFAULT_ADAPTIVE.law, min: 1, initial };
  return new Admission(max, new AdaptiveLimit({ ...DEFAULT_ADAPTIVE, mode, law }));
}

for (const mode of ['off', 'observe', 'enforce'] as const) {
  gateContract(`Admission, ${mode}`, () => {
    const gate = admission(3, mode, 2);
    return { gate, out: () => gate.inFlight };
  });
}

describe('Admission', () => {
  it('counts those in flight against a new limit', () => {
    const gate = admission(3);
    const tickets = [gate.admit(0), gate.admit(0)];
    gate.reconfigure(1);
    expect(gate.inFlight).toBe(2);
    gate.settle(tickets[0]!, SUCCESS, 0);
    expect(gate.admit(0)).toBe(REFUSED);
    gate.settle(tickets[1]!, SUCCESS, 0);
    expect(gate.admit(0)).not.toBe(REFUSED);
  });

  it('refuses the one too many as overloaded, and counts it', () => {
    const gate = admission(2);
    gate.admit(0);
    gate.admit(0);
    expect(gate.canAdmit(0)).toBe(false);
    expect(gate.refusals).toBe(0);
    expect(gate.admit(0)).toBe(REFUSED);
    expect(gate.refusal).toBe('overloaded');
    expect([gate.inFlight, gate.refusals]).toEqual([2, 1]);
  });

  it('gives a place back whatever the outcome', () => {
    const gate = admission(1);
    for (const evidence of [SUCCESS, FAILURE, IGNORED]) {
      const ticket = gate.admit(0);
      expect(ticket).not.toBe(REFUSED);
      gate.settle(ticket, evidence, 1);
    }
    expect(gate.inFlight).toBe(0);
  });

  it('calls a settlement without an admission a bug', () => {
    expect(() => admission(1).settle(1, SUCCESS, 0)).toThrow(Bug);
  });

  it('lets each criticality have its share of a learned limit, and says which limit refused', () => {
    const gate = admission(100, 'enforce', 20);
    const admitted = (level: Criticality): number => {
      let count = 0;
      while (gate.admit(0, level) !== REFUSED) count += 1;
      return count;
    };
    expect([3, 2, 1, 0].map((level) => admitted(level as Criticality))).toEqual([10, 5, 3, 2]);
    expect(gate.refusal).toBe('concurrency_limited');
    expect([...gate.adaptive.refused]).toEqual([1, 1, 1, 1]);
    expect(gate.canAdmit(0, 0)).toBe(false);
  });

  it('takes who does not say for critical', () => {
    const gate = admission(100, 'enforce', 10);
    for (let i = 0; i < 9; i++) expect(gate.admit(0)).not.toBe(REFUSED);
    expect([gate.canAdmit(0), gate.canAdmit(0, 1), gate.canAdmit(0, 0)]).toEqual([false, false, true]);
  });

  it('observes without refusing, and counts what it would have refused', () => {
    const gate = admission(30, 'observe', 10);
    for (let i = 0; i < 30; i++) expect(gate.admit(0, 3)).not.toBe(REFUSED);
    expect([...gate.adaptive.wouldRefuse]).toEqual([0, 0, 0, 25]);
    expect(gate.admit(0)).toBe(REFUSED);
    expect(gate.refusal).toBe('overloaded');
  });
});
