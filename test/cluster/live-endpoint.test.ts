import { describe, expect, it } from 'vitest';
import { LiveEndpoint } from '../../src/cluster/live-endpoint.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { evidence } from '../support/evidence.ts';
import { IdleConnector, spec } from '../support/fake-endpoint.ts';

const NO_JITTER = { uint32: () => 0, next: () => 0, below: () => 0 };

function make(): LiveEndpoint {
  return new LiveEndpoint(
    spec('a'),
    new IdleConnector(),
    DEFAULT_BREAKER,
    NO_JITTER,
    { onBreakerChange: () => undefined },
    1000,
  );
}

/** An attempt that was answered after so many ms. */
function answered(endpoint: LiveEndpoint, at: number, tookMs: number, status = 200): void {
  endpoint.learn(evidence('success', { status, startedAt: at - tookMs, firstByteAt: at }), at);
}

function failed(endpoint: LiveEndpoint, at: number, tookMs: number): void {
  endpoint.learn(evidence('failure', { startedAt: at - tookMs }), at);
}

/** What an attempt would cost, for all that it shares the endpoint with. */
function loadOf(endpoint: LiveEndpoint, now: number): number {
  const costs = new Float64Array(1);
  endpoint.writeCost({ now }, costs, 0);
  return costs[0]! * (endpoint.active + 1);
}

describe('LiveEndpoint', () => {
  it('is guessed to take 30 ms before anything is known', () => {
    expect(make().expectedMs(1000)).toBe(30);
  });

  it('is given one request at once when it is new, and has to wait its turn for a second', () => {
    const endpoint = make();
    expect([endpoint.hasAnswered, loadOf(endpoint, 1000)]).toEqual([false, 0]);
    endpoint.active = 1;
    expect(loadOf(endpoint, 1000)).toBe(60);
    endpoint.active = 0;
    answered(endpoint, 1002, 2);
    expect([endpoint.hasAnswered, loadOf(endpoint, 1002)]).toEqual([true, 2]);
  });

  it('is given no second request at once when it failed its first', () => {
    const endpoint = make();
    failed(endpoint, 1020, 10);
    expect(endpoint.hasAnswered).toBe(false);
    expect(loadOf(endpoint, 1020)).toBeGreaterThan(30);
  });

  it('is taken at its word by its first answer', () => {
    const endpoint = make();
    answered(endpoint, 1000, 2);
    expect(loadOf(endpoint, 1000)).toBe(2);
  });

  it('does not pay for the time that the client took to send its body', () => {
    const endpoint = make();
    endpoint.learn(evidence('success', { status: 200, startedAt: 1000, sentAt: 4000, firstByteAt: 4005 }), 4005);
    expect(endpoint.expectedMs(4005)).toBe(5);
  });

  it('costs more with every attempt in flight', () => {
    const endpoint = make();
    endpoint.active = 4;
    expect(loadOf(endpoint, 1000)).toBe(150);
  });

  it('jumps to a peak at once and comes down with time', () => {
    const endpoint = make();
    answered(endpoint, 1000, 400);
    expect(loadOf(endpoint, 1000)).toBe(400);
    for (let at = 1000; at <= 11_000; at += 10) answered(endpoint, at, 2);
    expect(loadOf(endpoint, 11_000)).toBeCloseTo(2 + 398 * Math.exp(-1), 0);
    for (let at = 11_000; at <= 101_000; at += 10) answered(endpoint, at, 2);
    expect(loadOf(endpoint, 101_000)).toBeCloseTo(2, 0);
  });

  it('fades while nothing is heard, so that it is tried again, but never to nothing', () => {
    const endpoint = make();
    answered(endpoint, 1000, 400);
    expect(loadOf(endpoint, 11_000)).toBeCloseTo(400 * Math.exp(-1));
    endpoint.active = 2;
    expect(loadOf(endpoint, 3_601_000)).toBe(3);
  });

  it('costs far more than a slow one when it fails at once', () => {
    const endpoint = make();
    for (let at = 1000; at < 3000; at += 20) failed(endpoint, at, 0.5);
    const slow = make();
    for (let at = 1000; at < 3000; at += 200) answered(slow, at, 200);
    expect(loadOf(endpoint, 3000)).toBeGreaterThan(3 * loadOf(slow, 3000));
  });

  it('is avoided for seconds, and not for a minute, after one failure among many successes', () => {
    const endpoint = make();
    for (let at = 1000; at < 61_000; at += 10) answered(endpoint, at, 5);
    failed(endpoint, 61_000, 5);
    expect(loadOf(endpoint, 61_000)).toBeGreaterThan(40);
    for (let at = 61_000; at < 64_000; at += 10) answered(endpoint, at, 5);
    expect(loadOf(endpoint, 64_000)).toBeLessThan(8);
  });

  it('is tried again seconds after it failed, also when nobody sent it anything', () => {
    const endpoint = make();
    answered(endpoint, 1000, 5);
    for (let at = 1000; at < 11_000; at += 10) failed(endpoint, at, 1);
    expect(loadOf(endpoint, 11_000)).toBeGreaterThan(4900);
    expect(loadOf(endpoint, 18_000)).toBeLessThan(6);
  });

  it('counts 429 against the load of an endpoint that answers quickly with it', () => {
    const endpoint = make();
    for (let at = 1000; at < 3000; at += 20) answered(endpoint, at, 1, 429);
    expect(loadOf(endpoint, 3000)).toBeGreaterThan(500);
  });

  it('counts what was given back unseen against the load of an endpoint that answers quickly with it', () => {
    const endpoint = make();
    for (let at = 1000; at < 3000; at += 20) {
      endpoint.learn(
        evidence('ignored', { code: 'refused_unseen', status: 503, startedAt: at - 1, firstByteAt: at }),
        at,
      );
    }
    expect(loadOf(endpoint, 3000)).toBeGreaterThan(500);
    expect(endpoint.gate.state).toBe('closed');
  });

  it('counts RESOURCE_EXHAUSTED as 429, and no other word of gRPC about a call', () => {
    const loadWith = (grpcStatus: number): number => {
      const endpoint = make();
      for (let at = 1000; at < 3000; at += 20) {
        endpoint.learn(evidence('success', { status: 200, grpcStatus, startedAt: at - 1, firstByteAt: at }), at);
      }
      return loadOf(endpoint, 3000);
    };
    expect(loadWith(8)).toBeGreaterThan(500);
    expect(loadWith(0)).toBeLessThan(5);
    expect(loadWith(5)).toBeLessThan(5);
  });

  it('suspects an endpoint of which nobody waited for the end', () => {
    const gone = (startedAt: number) => evidence('ignored', { code: 'client_gone', startedAt });
    const endpoint = make();
    endpoint.learn(gone(1990), 2000);
    expect(endpoint.expectedMs(2000)).toBeCloseTo(30 * Math.exp(-0.1)); // an answer takes longer: no suspicion
    for (let at = 2000; at < 7000; at += 100) endpoint.learn(gone(at - 2000), at);
    expect(loadOf(endpoint, 7000)).toBeGreaterThan(1700);
    expect(loadOf(endpoint, 7000)).toBeLessThan(2100);
  });

  it('counts no wait for more than a failure', () => {
    const endpoint = make();
    endpoint.learn(evidence('ignored', { code: 'body_timeout', startedAt: 1000 }), 301_000);
    answered(endpoint, 301_000, 300_000);
    expect(loadOf(endpoint, 301_000)).toBeLessThanOrEqual(10_000);
  });

  it('learns nothing from an attempt that never began', () => {
    const endpoint = make();
    endpoint.learn(evidence('ignored'), 50_000);
    expect(endpoint.expectedMs(1000)).toBe(30);
  });

  it('attracts one probe when its circuit may be probed, and is a new endpoint when it closes', () => {
    const endpoint = make();
    for (let i = 0; i < 5; i++) {
      const ticket = endpoint.gate.admit(2000);
      const proof = evidence('failure', { startedAt: 1999 });
      endpoint.gate.settle(ticket, proof, 2000);
      endpoint.learn(proof, 2000);
    }
    expect(endpoint.gate.state).toBe('open');
    expect(loadOf(endpoint, 2999)).toBeGreaterThan(500);
    expect(loadOf(endpoint, 3000)).toBe(0);
    const probe = endpoint.gate.admit(3000);
    expect(loadOf(endpoint, 3000)).toBeGreaterThan(500);
    const proof = evidence('success', { status: 200, startedAt: 3000, firstByteAt: 3003 });
    endpoint.gate.settle(probe, proof, 3003);
    expect(endpoint.expectedMs(3003)).toBe(30);
    endpoint.learn(proof, 3003);
    expect(loadOf(endpoint, 3003)).toBe(3);
  });

  it('takes part when passing or warning', () => {
    const endpoint = make();
    const healthy = (['passing', 'warning', 'maintenance', 'critical'] as const).map((health) => {
      endpoint.spec = spec('a', { health });
      return endpoint.isHealthy;
    });
    expect(healthy).toEqual([true, true, false, false]);
  });
});
