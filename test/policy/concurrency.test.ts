import { describe, expect, it } from 'vitest';
import { Bug } from '../../src/base/invariant.ts';
import { ConcurrencyLimit } from '../../src/policy/concurrency.ts';
import { REFUSED } from '../../src/policy/gate.ts';
import { gateContract } from '../contract/gate.ts';
import { FAILURE, IGNORED, SUCCESS } from '../support/evidence.ts';

gateContract('ConcurrencyLimit', () => {
  const gate = new ConcurrencyLimit(3);
  return { gate, out: () => gate.inFlight };
});

describe('ConcurrencyLimit', () => {
  it('counts those in flight against a new limit', () => {
    const limit = new ConcurrencyLimit(3);
    const tickets = [limit.admit(0), limit.admit(0)];
    limit.reconfigure(1);
    expect(limit.inFlight).toBe(2);
    limit.settle(tickets[0]!, SUCCESS, 0);
    expect(limit.admit(0)).toBe(0);
    limit.settle(tickets[1]!, SUCCESS, 0);
    expect(limit.admit(0)).not.toBe(0);
  });

  it('refuses the one too many as overloaded, and counts it', () => {
    const limit = new ConcurrencyLimit(2);
    limit.admit(0);
    limit.admit(0);
    expect(limit.canAdmit(0)).toBe(false);
    expect(limit.refusals).toBe(0);
    expect(limit.admit(0)).toBe(REFUSED);
    expect(limit.refusal).toBe('overloaded');
    expect([limit.inFlight, limit.refusals]).toEqual([2, 1]);
  });

  it('gives a place back whatever the outcome', () => {
    const limit = new ConcurrencyLimit(1);
    for (const evidence of [SUCCESS, FAILURE, IGNORED]) {
      const ticket = limit.admit(0);
      expect(ticket).not.toBe(REFUSED);
      limit.settle(ticket, evidence, 1);
    }
    expect(limit.inFlight).toBe(0);
  });

  it('calls a settlement without an admission a bug', () => {
    expect(() => new ConcurrencyLimit(1).settle(1, SUCCESS, 0)).toThrow(Bug);
  });
});
