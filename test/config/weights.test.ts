import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { complaints, good, web } from './parse.ts';

const upstream = (text: string): string => web(`consul: {}\nupstreams: { a: { ${text} } }\n`);
const balancerOf = (text: string) => good(upstream(text)).upstreams.get('a')?.balancer;

describe('the options of a balancer', () => {
  it('are those of the balancer that is chosen, in the units of the program', () => {
    expect(balancerOf('balance: least_request')).toEqual({
      name: 'least_request',
      leastRequest: { selection: 'two_choices', choices: 2, bias: 1 },
    });
    expect(balancerOf('balance: first')).toEqual({ name: 'first', first: { maxActive: 100 } });
    expect(balancerOf('balance: client_side_wrr, reportedWeights: { blackout: 0, errorPenalty: 0 }')).toEqual({
      name: 'client_side_wrr',
      reportedWeights: { blackoutMs: 0, expiryMs: 180_000, updateMs: 1_000, errorPenalty: 0 },
    });
    expect(balancerOf('slowStart: { window: 30s }, subsetSize: 20')).toEqual({
      name: 'p2c_ewma',
      slowStart: { windowMs: 30_000, aggression: 1, minWeight: 0.1 },
      subsetSize: 20,
    });
  });

  it('are absent where they mean nothing', () => {
    expect(balancerOf('slowStart: { window: 0, minWeight: 0.5 }')).toEqual({ name: 'p2c_ewma' });
  });

  it('are shown of the balancer at work, and of no other', () => {
    const shown = redacted(good(upstream('balance: first'))) as { upstreams: { a: object } };
    expect(shown.upstreams.a).toMatchObject({ balance: 'first', first: { maxActive: 100 } });
    for (const key of ['leastRequest', 'reportedWeights', 'slowStart', 'subsetSize']) {
      expect(shown.upstreams.a).not.toHaveProperty(key);
    }
  });
});

const SHARING = 'one of p2c_ewma, least_request, round_robin, random, client_side_wrr beside it';

describe('what is refused', () => {
  it.each([
    [
      'leastRequest: { bias: 2 }',
      'leastRequest: found leastRequest with balancer p2c_ewma, expected balance: least_request beside it',
    ],
    ['balance: random, first: {}', 'first: found first with balancer random, expected balance: first beside it'],
    [
      'balance: random, reportedWeights: {}',
      'reportedWeights: found reportedWeights with balancer random, expected balance: client_side_wrr beside it',
    ],
    [
      'balance: ring_hash, hash: { source: true }, subsetSize: 5',
      `subsetSize: found subsetSize with balancer ring_hash, expected ${SHARING}`,
    ],
    [
      'balance: ring_hash, hash: { source: true }, slowStart: {}',
      `slowStart: found slowStart with balancer ring_hash, expected ${SHARING}`,
    ],
    [
      'balance: first, slowStart: { window: 1m }',
      `slowStart: found slowStart with balancer first, expected ${SHARING}`,
    ],
    ['balance: first, subsetSize: 5', `subsetSize: found subsetSize with balancer first, expected ${SHARING}`],
    [
      'balance: least_request, leastRequest: { selection: full_scan, choices: 3 }',
      'leastRequest.choices: found choices with full_scan, expected selection: two_choices beside it, or no choices',
    ],
    [
      'balance: client_side_wrr, reportedWeights: { blackout: 5s, expiry: 5s }',
      'reportedWeights.blackout: found 5s, expected less than expiry, which is 5s',
    ],
    [
      'balance: least_request, leastRequest: { selection: best }',
      'leastRequest.selection: found "best", expected one of two_choices, full_scan',
    ],
    [
      'balance: least_request, leastRequest: { choices: 11 }',
      'leastRequest.choices: found 11, expected a whole number from 2 to 10',
    ],
    [
      'balance: least_request, leastRequest: { bias: -1 }',
      'leastRequest.bias: found -1, expected a number from 0 to 10',
    ],
    ['balance: first, first: { maxActive: 0 }', 'first.maxActive: found 0, expected a whole number from 1 to 1000000'],
    [
      'balance: client_side_wrr, reportedWeights: { update: 1ms }',
      'reportedWeights.update: found "1ms", expected a duration of at least 100ms such as 500ms or 15s',
    ],
    ['slowStart: { window: 5 }', 'slowStart.window: found 5, expected a duration such as 500ms or 15s, or 0 for none'],
    ['slowStart: { aggression: 0 }', 'slowStart.aggression: found 0, expected a number from 0.1 to 10'],
    ['slowStart: { minWeight: 0 }', 'slowStart.minWeight: found 0, expected a number above 0 and at most 1'],
    ['subsetSize: 0', 'subsetSize: found 0, expected a whole number from 1 to 100000'],
  ])('%s', (text, complaint) => {
    expect(complaints(upstream(text))).toEqual([expect.stringMatching(/^remora\.yaml:3:\d+ upstreams\.a\./)]);
    expect(complaints(upstream(text))[0]).toContain(`upstreams.a.${complaint}`);
  });
});
