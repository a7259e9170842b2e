import { describe, expect, it } from 'vitest';
import { Standing } from '../../../src/cluster/checks/standing.ts';

const THRESHOLDS = { healthyThreshold: 2, unhealthyThreshold: 3 };

/** `p` passed, `f` failed, `F` failed for good. The state after each. */
function states(results: string): string {
  const standing = new Standing();
  return [...results]
    .map((result) => {
      if (result === 'p') standing.pass(THRESHOLDS);
      else standing.fail(THRESHOLDS, result === 'F');
      return standing.state[0];
    })
    .join('');
}

describe('the standing of an endpoint', () => {
  it.each([
    ['a first success counts at once', 'p', 'u'],
    ['a first failure, too', 'f', 'd'],
    ['so many failures in a row take it out', 'pfff', 'uuud'],
    ['a success between them begins the count anew', 'pffpfff', 'uuuuuud'],
    ['a final failure is enough', 'pF', 'ud'],
    ['so many passes in a row bring it back', 'pFpp', 'uddu'],
    ['a failure between them begins the count anew', 'pFpfpp', 'uddddu'],
    ['who has never passed comes back with the first', 'fffp', 'dddu'],
    ['the count of failures does not outlive the state', 'pFppff', 'udduuu'],
  ])('%s', (_what, results, expected) => {
    expect(states(results)).toBe(expected);
  });

  it('tells of changes only, and of doubt', () => {
    const standing = new Standing();
    expect(standing.pass(THRESHOLDS)).toBe(true);
    expect(standing.pass(THRESHOLDS)).toBe(false);
    expect(standing.isInDoubt).toBe(false);
    expect(standing.fail(THRESHOLDS, false)).toBe(false);
    expect(standing.isInDoubt).toBe(true);
    expect(standing.fail(THRESHOLDS, true)).toBe(true);
    expect(standing.fail(THRESHOLDS, true)).toBe(false);
    expect(standing.isInDoubt).toBe(false);
  });
});
