import { describe, expect, it } from 'vitest';
import { Conduct } from '../../../src/policy/outlier/conduct.ts';
import { judge, slowMsOf } from '../../../src/policy/outlier/judgements.ts';
import { DEFAULT_EJECTION, type EjectionOptions } from '../../../src/policy/outlier/options.ts';
import { evidence } from '../../support/evidence.ts';

/** So many requests of which so many fail, each after so many ms. */
function conduct(requests: number, failures = 0, tookMs = 10): Conduct {
  const made = new Conduct(DEFAULT_EJECTION);
  for (let i = 0; i < requests; i++) {
    const isBad = i < failures;
    const proof = { status: isBad ? 500 : 200, startedAt: 1000, sentAt: 1000, firstByteAt: 1000 + tookMs };
    made.record(evidence(isBad ? 'failure' : 'success', proof), 1000 + tookMs);
  }
  return made;
}

const found = (peers: readonly Conduct[], options: Partial<EjectionOptions> = {}) =>
  judge(peers, { ...DEFAULT_EJECTION, ...options }).map(({ index, detector }) => `${index} ${detector}`);

const PERCENTAGE = { ...DEFAULT_EJECTION.failurePercentage, mode: 'enforce' } as const;
const well = (n: number): Conduct[] => Array.from({ length: n }, () => conduct(200));

describe('the success rate', () => {
  it('finds the one of five that fails a fifth of its requests', () => {
    const peers = [...well(4), conduct(200, 40)];
    expect(judge(peers, DEFAULT_EJECTION)).toMatchObject([
      { index: 4, detector: 'success_rate', figures: { rate: 0.8, mean: 0.96, requests: 200 } },
    ]);
  });

  it('finds nobody among four, nor where one of five had too little to do', () => {
    expect(found([...well(3), conduct(200, 40)])).toEqual([]);
    expect(found([...well(3), conduct(99), conduct(200, 40)])).toEqual([]);
  });

  it('does not mistake a single failure for a difference', () => {
    expect(found([...well(7), conduct(1000, 3)])).toEqual([]);
    expect(found([...well(7), conduct(1000, 40)])).toEqual([]);
  });

  it('finds nobody where all fail alike, however much', () => {
    expect(found(Array.from({ length: 6 }, (_, i) => conduct(200, 150 + i)))).toEqual([]);
  });

  it('is silent when it is off', () => {
    const off = { successRate: { ...DEFAULT_EJECTION.successRate, mode: 'off' } } as const;
    expect(found([...well(4), conduct(200, 40)], off)).toEqual([]);
  });
});

describe('the failure percentage', () => {
  it('finds everyone above it, the worst first', () => {
    const peers = [...well(3), conduct(100, 86), conduct(100, 100), conduct(100, 84)];
    const successRate = { ...DEFAULT_EJECTION.successRate, mode: 'off' } as const;
    expect(found(peers, { successRate, failurePercentage: PERCENTAGE })).toEqual([
      '4 failure_percentage',
      '3 failure_percentage',
    ]);
  });

  it('is off unless it is wanted, because the breaker looks at the same', () => {
    expect(found(Array.from({ length: 5 }, () => conduct(100, 100)))).toEqual([]);
  });
});

describe('the latency', () => {
  it('finds the one of three whose median is far above that of its peers', () => {
    const peers = [conduct(40), conduct(40), conduct(40, 0, 400)];
    const [judgement] = judge(peers, DEFAULT_EJECTION);
    expect(judgement).toMatchObject({ index: 2, detector: 'latency', figures: { requests: 40 } });
    expect(judgement!.figures['medianMs']).toBeCloseTo(400, -2);
    expect(judgement!.figures['peersMs']).toBeCloseTo(10, -1);
  });

  it('finds nobody between two, nor by too few requests', () => {
    expect(found([conduct(40), conduct(40, 0, 400)])).toEqual([]);
    expect(found([conduct(40), conduct(40), conduct(29, 0, 400)])).toEqual([]);
    expect(found([conduct(40), conduct(29), conduct(40, 0, 400)])).toEqual([]);
  });

  it('wants a difference that callers feel, and one in proportion', () => {
    expect(found([conduct(40, 0, 1), conduct(40, 0, 1), conduct(40, 0, 60)])).toEqual([]);
    expect(found([conduct(40, 0, 500), conduct(40, 0, 500), conduct(40, 0, 1200)])).toEqual([]);
  });

  it('lets no slow minority pass for the measure of the rest', () => {
    const peers = [conduct(40), conduct(40), conduct(40), conduct(40, 0, 600), conduct(40, 0, 900)];
    expect(found(peers)).toEqual(['4 latency', '3 latency']);
  });

  it('knows from which time on an answer is too slow', () => {
    expect(slowMsOf([conduct(40), conduct(40)], DEFAULT_EJECTION.latency)).toBe(Number.POSITIVE_INFINITY);
    expect(slowMsOf([conduct(40), conduct(40), conduct(40)], DEFAULT_EJECTION.latency)).toBeCloseTo(110, -1);
  });
});
