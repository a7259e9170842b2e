import { describe, expect, it } from 'vitest';
import { type Called, instanceOf, Reporting } from '../../src/agent/reporting.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { LayerStanding } from '../../src/config/staged-layers.ts';
import { decodeStatus } from '../../src/config/status-text.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryKv } from '../support/memory-kv.ts';
import { settled } from '../support/settled.ts';

const KEY = 'remora/status/web/web-1';

function reporting() {
  const clock = new ManualClock();
  const api = new MemoryKv();
  api.kvTree = (_prefix, _read, signal?: AbortSignal) =>
    new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new ConsulError('cancelled'))));
  const standings: LayerStanding[] = [];
  const called: Called[] = [
    { name: 'stock', service: 'stock', ring: null },
    { name: 'orders', service: 'orders', ring: 'a1b2' },
    { name: 'orders-eu', service: 'orders', ring: 'c3d4' },
  ];
  const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const own = new Reporting({
    version: '1.2.3',
    service: { name: 'web', id: 'web-1' },
    api,
    layers: { override: () => undefined, candidateOf: () => null, standings: () => standings },
    traffic: { read: () => new Map() },
    called: () => called,
    clock,
    random: new SeededRandom(2),
    log: quiet,
  });
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      clock.advance(50);
      await settled();
    }
  };
  const status = () => decodeStatus(api.keys.get(KEY)?.text ?? '');
  return { clock, api, own, standings, called, pass, status };
}

describe('Reporting', () => {
  it('writes what the sidecar runs, what it calls, and which rings it has', async () => {
    const { clock, own, standings, pass, status } = reporting();
    const used = { layer: 'mesh', text: '{}', revision: '12', isCandidate: false } as const;
    standings.push({ layer: 'mesh', seen: '12', used, problems: [] });
    const startedAtMs = clock.wallMs();
    own.start();
    await pass(4_000);
    expect(status()).toEqual({
      service: 'web',
      instance: 'web-1',
      version: '1.2.3',
      startedAtMs,
      sinceMs: startedAtMs,
      layers: [{ layer: 'mesh', applied: '12', seen: '12', candidate: null, problems: [] }],
      calls: ['orders', 'stock'],
      verdicts: [],
      rings: { orders: 'a1b2', 'orders-eu': 'c3d4' },
    });
  });

  it('says why the newest is not in force, and since when', async () => {
    const { clock, own, standings, pass, status } = reporting();
    own.start();
    await pass(10_000);
    const place = { source: 'kv:remora/config/mesh', line: 3, column: 5 };
    const problem = { ...place, path: 'defaults.retry', found: '5', expected: 'a map', hint: null };
    standings.push({ layer: 'mesh', seen: '13', used: null, problems: [problem] });
    const since = clock.wallMs();
    own.onChange();
    await pass(8_000);
    expect(status().layers[0]?.problems).toEqual(['kv:remora/config/mesh:3:5 defaults.retry: found 5, expected a map']);
    expect(status().sinceMs).toBe(since);
  });

  it('does not write while nothing changes, and writes a ring that does', async () => {
    const { api, own, called, pass, status } = reporting();
    own.start();
    await pass(4_000);
    const { revision } = api.keys.get(KEY)!;
    await pass(60_000);
    expect(api.keys.get(KEY)!.revision).toBe(revision);
    called[1] = { name: 'orders', service: 'orders', ring: 'ffff' };
    await pass(10_000);
    expect(status().rings['orders']).toBe('ffff');
  });

  it('has a problem, and nothing else, without the rights', async () => {
    const { api, own, pass } = reporting();
    api.failures.push(...Array.from({ length: 50 }, () => new ConsulError('Permission denied', 403)));
    own.start();
    await pass(4_000);
    expect(own.layers()).toMatchObject([{ name: 'status', problems: [{ found: 'Permission denied' }] }]);
    expect([...own.samples()].map(({ name, value }) => `${name} ${value}`)).toEqual([
      'remora_rollout_objections_total 0',
      'remora_status_written 0',
    ]);
    await own.close(1_000);
  });

  it('leaves no timer behind', async () => {
    const { clock, own, pass } = reporting();
    own.start();
    await pass(4_000);
    await own.close(1_000);
    expect(clock.armed).toBe(0);
  });
});

describe('the name of an instance', () => {
  it('is its id, with the machine where the id says no more than the service', () => {
    expect(instanceOf({ name: 'web', id: 'web-1' }, 'host')).toBe('web-1');
    expect(instanceOf({ name: 'web', id: 'web' }, 'host')).toBe('web@host');
  });
});
