import { describe, expect, it } from 'vitest';
import { AdaptiveLimit } from '../../src/policy/adaptive-limit.ts';
import { DEFAULT_ADAPTIVE } from '../../src/policy/adaptive-options.ts';
import { NO_EVIDENCE } from '../../src/policy/evidence.ts';
import { evidence } from '../support/evidence.ts';

const AIMD = { ...DEFAULT_ADAPTIVE, mode: 'enforce', law: { ...DEFAULT_ADAPTIVE.law, algorithm: 'aimd' } } as const;
const ANSWER = { status: 200, startedAt: 1_000, sentAt: 1_001, firstByteAt: 1_011 };

describe('what an exchange says of how many are too many', () => {
  it.each([
    ['an answer: one more', evidence('success', ANSWER), 21],
    ['429: fewer', evidence('success', { ...ANSWER, status: 429 }), 18],
    ['503: fewer', evidence('failure', { ...ANSWER, status: 503 }), 18],
    ['RESOURCE_EXHAUSTED: fewer', evidence('success', { ...ANSWER, grpcStatus: 8 }), 18],
    ['an attempt that timed out: fewer', evidence('failure', { code: 'attempt_timeout' }), 18],
    ['a deadline that passed while the endpoint had it: fewer', evidence('failure', { code: 'deadline_exceeded' }), 18],
    ['a deadline that was nearly gone: nothing', evidence('ignored', { code: 'deadline_exceeded' }), 20],
    ['500: nothing', evidence('failure', { ...ANSWER, status: 500 }), 20],
    ['a reset: nothing', evidence('failure', { code: 'upstream_reset', sentAt: 1 }), 20],
    ['a connection refused: nothing', evidence('failure', { code: 'connect_refused' }), 20],
    ['an answer before the request was there: nothing', evidence('success', { ...ANSWER, sentAt: 0 }), 20],
    ['an answer before the end of the request: nothing', evidence('success', { ...ANSWER, sentAt: 1_012 }), 20],
    ['no attempt: nothing', NO_EVIDENCE, 20],
  ])('%s', (_title, seen, limit) => {
    const adaptive = new AdaptiveLimit(AIMD);
    adaptive.learn(20, seen, 2_000);
    expect(adaptive.limit).toBe(limit);
  });
});

describe('a change of configuration', () => {
  const learned = (): AdaptiveLimit => {
    const adaptive = new AdaptiveLimit(AIMD);
    for (let i = 0; i < 5; i++) adaptive.learn(20, evidence('success', ANSWER), 2_000);
    return adaptive;
  };

  it('keeps what was learned when it is learned as before', () => {
    const adaptive = learned();
    adaptive.reconfigure({ ...AIMD, mode: 'observe', law: { ...AIMD.law } });
    expect([adaptive.mode, adaptive.limit]).toEqual(['observe', 25]);
  });

  it('begins anew when it is learned otherwise', () => {
    const adaptive = learned();
    adaptive.reconfigure({ ...AIMD, law: { ...AIMD.law, max: 50 } });
    expect(adaptive.limit).toBe(20);
  });

  it('takes other shares at once', () => {
    const adaptive = learned();
    expect(adaptive.hasRoom(20, 3)).toBe(false);
    adaptive.reconfigure({ ...AIMD, shares: { ...AIMD.shares, sheddable: 1 } });
    expect(adaptive.hasRoom(20, 3)).toBe(true);
  });
});

it('leaves one place to everybody, however small it is', () => {
  const adaptive = new AdaptiveLimit({ ...AIMD, law: { ...AIMD.law, min: 1, initial: 1 } });
  expect([adaptive.hasRoom(0, 3), adaptive.hasRoom(1, 0)]).toEqual([true, false]);
});

it('learns nothing and refuses nobody when it is off', () => {
  const adaptive = new AdaptiveLimit({ ...AIMD, mode: 'off' });
  adaptive.learn(20, evidence('success', ANSWER), 2_000);
  expect([adaptive.limit, adaptive.admits(1_000, 3), ...adaptive.wouldRefuse]).toEqual([20, true, 0, 0, 0, 0]);
});
