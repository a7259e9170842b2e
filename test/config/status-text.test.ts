import { expect, it } from 'vitest';
import { decodeStatus, encodeStatus, MAX_CALLS } from '../../src/config/status-text.ts';

/** What Consul takes as one value. */
const MAX_VALUE_BYTES = 512 * 1024;

it('a status has a layer of each service that it has room to name, and fits into a key however bad they are', () => {
  const problems = Array.from({ length: 20 }, () => 'ü'.repeat(1_000));
  const names = Array.from({ length: MAX_CALLS }, (_, i) => `service-${i}`);
  const layers = ['mesh', ...names.map((name) => `service/${name}`), 'caller/web'].map((layer) => {
    return { layer: layer as 'mesh', applied: '3', seen: '4', candidate: null, problems };
  });
  const self = { service: 'web', instance: 'web-1', version: '1', startedAtMs: 0, sinceMs: 0 };
  const text = encodeStatus({ ...self, layers, calls: names, verdicts: [], rings: {} });
  expect(Buffer.byteLength(text)).toBeLessThan(MAX_VALUE_BYTES);
  const status = decodeStatus(text);
  expect(status.layers.map(({ layer }) => layer)).toEqual(layers.map(({ layer }) => layer));
  expect(status.layers.every(({ problems: told }) => told.length > 0)).toBe(true);
});
