import type { Evidence, Outcome } from '../../src/policy/evidence.ts';

/** Evidence of an outcome; what a test does not say is as if nothing had been measured. */
export function evidence(outcome: Outcome, more: Partial<Evidence> = {}): Evidence {
  return {
    outcome,
    code: null,
    status: 0,
    grpcStatus: -1,
    startedAt: 0,
    sentAt: 0,
    firstByteAt: 0,
    pushbackMs: -1,
    ...more,
  };
}

export const SUCCESS: Evidence = evidence('success');
export const FAILURE: Evidence = evidence('failure');
export const IGNORED: Evidence = evidence('ignored');
