import { describe, expect, it } from 'vitest';
import { formatGuard, judge, parseGuard } from '../../src/config/guards.ts';
import { DURATION_BOUNDS_MS, Histogram } from '../../src/telemetry/instruments.ts';
import type { Traffic } from '../../src/telemetry/traffic-tally.ts';

const ERRORS = parseGuard('error_ratio<1%')!;
const SLOW = parseGuard('p99<250ms')!;
const NOTHING = traffic(0, 0);

function traffic(
  requests: number,
  errors: number,
  ...slow: readonly (readonly [count: number, ms: number])[]
): Traffic {
  const histogram = new Histogram();
  for (const [count, ms] of slow) for (let i = 0; i < count; i++) histogram.record(ms);
  const rest = requests - slow.reduce((sum, [count]) => sum + count, 0);
  for (let i = 0; i < rest; i++) histogram.record(4);
  return { requests, errors, durations: histogram.counts };
}

describe('guards', () => {
  it('are read and written', () => {
    for (const text of ['error_ratio<1%', 'error_ratio<0.5%', 'p50<20ms', 'p90<100ms', 'p99<250ms']) {
      expect(formatGuard(parseGuard(text)!)).toBe(text);
    }
    expect(parseGuard('error_ratio < 0.01')).toEqual(ERRORS);
    expect(parseGuard('p99<1s')).toEqual({ kind: 'p99', bound: 1_000 });
  });

  it('are nothing else', () => {
    const wrong = [
      '',
      'error_ratio',
      'error_ratio>1%',
      'error_ratio<0%',
      'error_ratio<100%',
      'p99<250',
      'p99<0ms',
      'p95<1s',
    ];
    for (const text of [...wrong, 'error_ratio<1ms', 'p99<1%', 'error_ratio<1%%', 'p99<1.5.5s']) {
      expect(parseGuard(text), text).toBe(null);
    }
  });
});

describe('judge', () => {
  it('says nothing of fewer than a hundred requests, at the end of the time too', () => {
    expect(judge([ERRORS], NOTHING, traffic(99, 99), false).kind).toBe('running');
    expect(judge([ERRORS], NOTHING, traffic(99, 0), true).kind).toBe('running');
  });

  it('passes when the time is over, and not before', () => {
    expect(judge([ERRORS], NOTHING, traffic(500, 0), false).kind).toBe('running');
    expect(judge([ERRORS], NOTHING, traffic(500, 0), true).kind).toBe('passed');
    expect(judge([], NOTHING, traffic(100, 100), true).kind).toBe('passed');
  });

  it('breaks as soon as a hundred requests show it', () => {
    expect(judge([ERRORS], NOTHING, traffic(100, 50), false).kind).toBe('broken');
  });

  it('does not take chance for a break in the middle of the time, and counts at its end', () => {
    expect(judge([ERRORS], NOTHING, traffic(100, 1), false).kind).toBe('running');
    expect(judge([ERRORS], NOTHING, traffic(100, 1), true).kind).toBe('broken');
  });

  it('does not blame a candidate for what was so before', () => {
    expect(judge([ERRORS], traffic(400, 40), traffic(400, 40), true).kind).toBe('passed');
    expect(judge([ERRORS], traffic(400, 40), traffic(400, 80), true).kind).toBe('broken');
  });

  it('compares with nothing where there were too few requests before', () => {
    const judged = judge([ERRORS], traffic(20, 10), traffic(200, 20), true);
    expect(judged.why).toBe(
      'error_ratio 10 % of 200 requests, not below 1 % (only 20 requests before to compare with)',
    );
  });

  it('knows latency by its quantiles', () => {
    expect(judge([SLOW], NOTHING, traffic(1_000, 0, [5, 900]), true).kind).toBe('passed');
    const broken = judge([SLOW], traffic(1_000, 0, [5, 900]), traffic(1_000, 0, [50, 900]), false);
    expect(broken).toEqual({
      kind: 'broken',
      why: 'p99 950 ms of 1000 requests, not below 250 ms (4.97 ms of 1000 before)',
    });
  });

  it('holds all guards, and names the one that breaks', () => {
    expect(judge([ERRORS, SLOW], NOTHING, traffic(200, 0, [100, 400]), false).why).toContain('p99');
  });

  it('counts what took longer than the last bucket', () => {
    const beyond = DURATION_BOUNDS_MS.at(-1)! + 1;
    expect(judge([{ kind: 'p50', bound: 20_000 }], NOTHING, traffic(100, 0, [80, beyond]), true).kind).toBe('broken');
  });
});
