import { describe, expect, it } from 'vitest';
import { Conduct, ROW_5XX, ROW_GATEWAY, ROW_LOCAL } from '../../../src/policy/outlier/conduct.ts';
import { DEFAULT_EJECTION, type EjectionOptions } from '../../../src/policy/outlier/options.ts';
import { evidence } from '../../support/evidence.ts';

const ROWS: EjectionOptions = {
  ...DEFAULT_EJECTION,
  consecutive5xx: { mode: 'enforce', count: 5 },
  consecutiveGateway: { mode: 'observe', count: 4 },
  consecutiveLocal: { mode: 'enforce', count: 3 },
};

const answered = (status: number, tookMs = 5, grpcStatus = -1) =>
  evidence(status >= 500 || grpcStatus > 0 ? 'failure' : 'success', {
    status,
    grpcStatus,
    startedAt: 1000,
    sentAt: 1000,
    firstByteAt: 1000 + tookMs,
  });
const lost = (code: 'connect_refused' | 'upstream_reset') => evidence('failure', { code, startedAt: 1000 });

describe('Conduct', () => {
  it('counts failures in a row, and each row for itself', () => {
    const conduct = new Conduct(ROWS);
    const full = [500, 503, 502, 504, 503].map((status) => conduct.record(answered(status), 1010));
    expect(full).toEqual([0, 0, 0, 0, ROW_5XX | ROW_GATEWAY]);
  });

  it('takes an attempt without an answer for a failure of every kind', () => {
    const conduct = new Conduct(ROWS);
    const full = [1, 2, 3, 4, 5].map(() => conduct.record(lost('upstream_reset'), 1010));
    expect(full).toEqual([0, 0, ROW_LOCAL, ROW_GATEWAY, ROW_5XX]);
  });

  it('breaks all rows with a success, the local one with any answer, the one of gateways with a 500', () => {
    const conduct = new Conduct(ROWS);
    for (let i = 0; i < 2; i++) conduct.record(lost('connect_refused'), 1010);
    expect(conduct.record(answered(503), 1010)).toBe(0);
    expect(conduct.record(lost('connect_refused'), 1010)).toBe(ROW_GATEWAY);
    expect(conduct.record(answered(500), 1010)).toBe(ROW_5XX);
    for (let i = 0; i < 4; i++) conduct.record(answered(500), 1010);
    conduct.record(answered(200), 1010);
    expect(conduct.record(answered(500), 1010)).toBe(0);
  });

  it('knows what gRPC has for the failures of gateways', () => {
    const conduct = new Conduct(ROWS);
    const full = [14, 4, 14, 4].map((status) => conduct.record(answered(200, 5, status), 1010));
    expect(full.at(-1)).toBe(ROW_GATEWAY);
    for (let i = 0; i < 3; i++) conduct.record(answered(200, 5, 14), 1010);
    conduct.record(answered(200, 5, 13), 1010);
    expect(conduct.record(answered(200, 5, 14), 1010)).toBe(0);
  });

  it('looks at no row that is off', () => {
    const conduct = new Conduct(DEFAULT_EJECTION);
    for (let i = 0; i < 20; i++) expect(conduct.record(lost('upstream_reset'), 1010)).toBe(0);
    expect([conduct.requests, conduct.successes]).toEqual([20, 0]);
  });

  it('counts the time of answers, good or bad, and of attempts that ran out of it, but of no other failure', () => {
    const conduct = new Conduct(DEFAULT_EJECTION);
    conduct.record(answered(200, 100), 1200);
    conduct.record(answered(500, 100), 1200);
    conduct.record(evidence('failure', { code: 'attempt_timeout', startedAt: 1000, sentAt: 1100 }), 1200);
    conduct.record(evidence('failure', { code: 'connect_timeout', startedAt: 1000 }), 6000);
    conduct.record(lost('connect_refused'), 1001);
    expect(conduct.latency.count).toBe(3);
    expect(conduct.latency.median()).toBeCloseTo(100, -1);
  });

  it('counts who went away without an answer only after longer than an endpoint may take', () => {
    const conduct = new Conduct(DEFAULT_EJECTION);
    const gone = evidence('ignored', { code: 'client_gone', startedAt: 1000, sentAt: 1000 });
    conduct.record(gone, 9000);
    expect(conduct.latency.count).toBe(0);
    conduct.slowMs = 400;
    conduct.record(gone, 1399);
    conduct.record(gone, 1500);
    expect([conduct.latency.count, conduct.requests]).toEqual([1, 0]);
  });

  it('breaks all rows by a silence that is longer than the first ejection', () => {
    const conduct = new Conduct(ROWS);
    for (let i = 0; i < 4; i++) conduct.record(answered(500), 1010);
    expect(conduct.record(answered(500), 31_011)).toBe(0);
    for (let i = 0; i < 3; i++) conduct.record(answered(500), 31_011);
    expect(conduct.record(answered(500), 61_011)).toBe(ROW_5XX);
  });

  it('forgets an interval at its end, but not its rows', () => {
    const conduct = new Conduct(ROWS);
    for (let i = 0; i < 4; i++) conduct.record(answered(500), 1010);
    conduct.endInterval();
    expect([conduct.requests, conduct.latency.count]).toEqual([0, 0]);
    expect(conduct.record(answered(500), 1010)).toBe(ROW_5XX);
  });
});
