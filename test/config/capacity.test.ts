import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { complaints, good, web } from './parse.ts';

const upstream = (text: string): string => web(`consul: {}\nupstreams: { a: { ${text} } }\n`);
const limitsOf = (text: string) => good(upstream(text)).upstreams.get('a')!.limits;

describe('connections', () => {
  it('are never so few that a request in flight could have none, unless it is said', () => {
    expect(limitsOf('').maxConnections).toBe(1_024);
    expect(limitsOf('limits: { maxRequests: 5000 }').maxConnections).toBe(5_000);
    expect(limitsOf('limits: { maxRequests: 5000, maxConnections: 40 }').maxConnections).toBe(40);
  });
});

describe('what is shown', () => {
  const shown = (text: string) => (redacted(good(upstream(text))) as { upstreams: { a: object } }).upstreams.a;

  it('is of the algorithm that is chosen', () => {
    expect(shown('')).toMatchObject({ adaptive: { algorithm: 'gradient2', gradient2: { window: '250ms' } } });
    expect(shown('')).not.toHaveProperty('adaptive.aimd');
    expect(shown('adaptive: { algorithm: aimd }')).toMatchObject({ adaptive: { aimd: { timeout: '5s' } } });
    expect(shown('adaptive: { algorithm: aimd }')).not.toHaveProperty('adaptive.gradient2');
  });

  it('means the same when it is read', () => {
    for (const text of ['', 'limits: { maxPending: 5 }', 'adaptive: { mode: enforce, algorithm: aimd, min: 2 }']) {
      const { upstreams } = good(upstream(text));
      const again = good(upstream(JSON.stringify(shown(text)).slice(1, -1))).upstreams;
      expect(again.get('a')).toEqual(upstreams.get('a'));
    }
  });
});

describe('what is refused', () => {
  it.each([
    [
      'limits: { pendingTimeout: 1s }',
      'limits.pendingTimeout: found pendingTimeout where nobody waits, expected maxPending above 0 beside it',
    ],
    [
      'limits: { maxPending: 5, pendingTimeout: 20s }, timeouts: { request: 10s }',
      'limits.pendingTimeout: found 20s, expected less than timeouts.request, which is 10s',
    ],
    ['adaptive: { min: 30 }', 'adaptive.min: found 30, expected at most initial, which is 20'],
    ['adaptive: { initial: 5 }', 'adaptive.initial: found 5, expected at least min, which is 10'],
    ['adaptive: { max: 15 }', 'adaptive.max: found 15, expected at least initial, which is 20'],
    [
      'adaptive: { min: 20 }, limits: { maxRequests: 12 }',
      'adaptive.min: found 20, expected at most limits.maxRequests, which is 12',
    ],
    [
      'adaptive: { shares: { sheddable: 0.8 } }',
      'adaptive.shares.sheddable: found 0.8, expected at most sheddablePlus, which is 0.75',
    ],
    [
      'adaptive: { shares: { critical: 0.6 } }',
      'adaptive.shares.sheddablePlus: found 0.75, expected at most critical, which is 0.6',
    ],
    [
      'adaptive: { algorithm: aimd, gradient2: { smoothing: 0.5 } }',
      'adaptive.gradient2: found gradient2 with algorithm aimd, expected algorithm: gradient2 beside it',
    ],
    [
      'criticality: { header: Host }',
      'criticality.header: found "Host", expected the name of a header that is not of HTTP itself',
    ],
  ])('%s', (text, expected) => {
    expect(complaints(upstream(text)).map((line) => line.slice(line.indexOf('upstreams.a.') + 12))).toEqual([expected]);
  });

  it('is refused of the inbound port, too', () => {
    const found = complaints(web('inbound: { port: 0, limits: { pendingTimeout: 1s } }\n'));
    expect(found.join()).toContain('pendingTimeout where nobody waits');
  });
});
