import { expect, it } from 'vitest';
import { candidatesOfFormerRun } from '../../src/agent/former-run.ts';
import { encodeStatus } from '../../src/config/status-text.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryKv } from '../support/memory-kv.ts';
import { settled } from '../support/settled.ts';

const KEY = 'remora/status/web/web-1';
const { signal } = new AbortController();

function crashed(kv: MemoryKv, candidate: string | null): void {
  const layers = [{ layer: 'mesh', applied: '3', seen: '3', candidate, problems: [] }] as const;
  const self = { service: 'web', instance: 'web-1', version: '1', startedAtMs: 7, sinceMs: 7 };
  kv.put(KEY, encodeStatus({ ...self, layers, calls: [], verdicts: [], rings: {} }));
}

const seeds = async (kv: MemoryKv, startedAtMs = 1_000): Promise<readonly string[]> => [
  ...(await candidatesOfFormerRun(kv, KEY, startedAtMs, new ManualClock(), signal)),
];

it('tells the candidate that ran in a process that crashed', async () => {
  const kv = new MemoryKv();
  expect(await seeds(kv)).toEqual([]);
  crashed(kv, null);
  expect(await seeds(kv)).toEqual([]);
  crashed(kv, 'abcdef01');
  expect(await seeds(kv)).toEqual(['abcdef01']);
});

it('takes nothing for a former run that is this one, or no status', async () => {
  const kv = new MemoryKv();
  crashed(kv, 'abcdef01');
  expect(await seeds(kv, 7)).toEqual([]);
  kv.put(KEY, 'nonsense');
  expect(await seeds(kv)).toEqual([]);
});

it('waits for a Consul that is away, and goes on without the right to read', async () => {
  const kv = new MemoryKv();
  const clock = new ManualClock();
  crashed(kv, 'abcdef01');
  const there = kv.kv.bind(kv);
  kv.kv = () => Promise.reject(new ConsulError('No cluster leader', 500));
  let found: ReadonlySet<string> | null = null;
  void candidatesOfFormerRun(kv, KEY, 1_000, clock, signal).then((seeds) => {
    found = seeds;
  });
  await settled();
  expect(found).toBe(null);
  kv.kv = there;
  clock.advance(2_000);
  await settled();
  expect(found).toEqual(new Set(['abcdef01']));
  kv.kv = () => Promise.reject(new ConsulError('Permission denied', 403));
  expect(await seeds(kv)).toEqual([]);
});
