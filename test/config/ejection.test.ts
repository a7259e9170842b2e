import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { DEFAULT_EJECTION } from '../../src/policy/outlier/options.ts';
import { complaints, good, web } from './parse.ts';

const upstream = (text: string): string => web(`consul: {}\nupstreams: { a: { ${text} } }\n`);
const ejectionOf = (text: string) => good(upstream(text)).upstreams.get('a')!.ejection;

describe('ejection', () => {
  it('has the defaults of the program', () => {
    expect(ejectionOf('')).toEqual(DEFAULT_EJECTION);
  });

  it('only observes rates and latencies where each endpoint has keys of its own', () => {
    const hashed = 'balance: ring_hash, hash: { source: true }';
    expect([ejectionOf(hashed).latency.mode, ejectionOf(hashed).successRate.mode]).toEqual(['observe', 'observe']);
    expect(ejectionOf(`${hashed}, ejection: { latency: { mode: enforce } }`).latency.mode).toBe('enforce');
  });

  it('does no more than all of its detectors may', () => {
    const observed = ejectionOf('ejection: { mode: observe, consecutive5xx: { mode: enforce } }');
    expect([observed.consecutive5xx.mode, observed.successRate.mode]).toEqual(['observe', 'observe']);
    expect(observed.failurePercentage.mode).toBe('off');
    const off = ejectionOf('ejection: { mode: off, latency: { mode: enforce } }');
    expect([off.latency.mode, off.successRate.mode]).toEqual(['off', 'off']);
  });

  it('is shown in the words of the file', () => {
    const shown = redacted(good(upstream('ejection: { base: 1m, latency: { floor: 50ms } }')));
    expect(shown).toMatchObject({
      upstreams: { a: { ejection: { base: '1m', max: '5m', latency: { mode: 'enforce', floor: '50ms' } } } },
    });
  });
});

describe('what is refused', () => {
  it.each([
    ['ejection: { base: 6m }', 'ejection.base: found 6m, expected at most max, which is 5m'],
    [
      'ejection: { consecutive5xx: { mode: enforce, count: 5 } }',
      'ejection.consecutive5xx.count: found 5, expected less than breaker.consecutiveFailures, which is 5',
    ],
    [
      'breaker: { consecutiveFailures: 3 }, ejection: { consecutiveLocal: { mode: observe } }',
      'ejection.consecutiveLocal.count: found 3, expected less than breaker.consecutiveFailures, which is 3',
    ],
    [
      'ejection: { consecutive5xx: { mode: enforce }, consecutiveGateway: { mode: enforce } }',
      'ejection.consecutiveGateway.count: found 3, expected less than consecutive5xx.count, which is 3',
    ],
    ['ejection: { maxShare: 0.6 }', 'ejection.maxShare: found 0.6, expected a number from 0 to 0.5'],
    [
      'ejection: { latency: { minHosts: 2 } }',
      'ejection.latency.minHosts: found 2, expected a whole number from 3 to 1000000',
    ],
    ['ejection: { latency: { mode: on } }', 'ejection.latency.mode: found "on", expected one of off, observe, enforce'],
  ])('%s', (text, complaint) => {
    const [said, ...more] = complaints(upstream(text));
    expect(more).toEqual([]);
    expect(said).toContain(`upstreams.a.${complaint}`);
  });

  it.each([
    'ejection: { consecutive5xx: { count: 9 } }',
    'ejection: { mode: off, consecutive5xx: { mode: enforce, count: 9 } }',
    'ejection: { consecutive5xx: { mode: enforce }, consecutiveLocal: { mode: enforce, count: 2 } }',
    'ejection: { consecutive5xx: { mode: observe }, consecutiveLocal: { mode: enforce, count: 4 } }',
    'ejection: { base: 1m, consecutive5xx: { mode: enforce, count: 5 } }',
    'breaker: { consecutiveFailures: 9 }, ejection: { consecutive5xx: { mode: enforce, count: 8 } }',
  ])('but not %s', (text) => {
    expect(complaints(upstream(text))).toEqual([]);
  });
});
