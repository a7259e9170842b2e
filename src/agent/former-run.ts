import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/sleep.ts';
import { decodeStatus } from '../config/status-text.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';
import { ConsulError } from '../discovery/consul-error.ts';

const PAUSE_MS = 2_000;
const TIMEOUT_MS = 10_000;

/**
 * The seeds of candidates that a process of this name ran when it ended without a farewell. One that stops in order
 * takes its status away; that of one that crashed stands until its session ends, and says what it ran. Such a candidate
 * may be why it crashed, and to take it up again may be to crash again.
 */
export async function candidatesOfFormerRun(
  api: Pick<ConsulApi, 'kv'>,
  key: string,
  startedAtMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const text = await textOf(api, key, clock, signal);
  if (text === null) return new Set();
  try {
    const status = decodeStatus(text);
    if (status.startedAtMs === startedAtMs) return new Set();
    return new Set(status.layers.flatMap(({ candidate }) => candidate ?? []));
  } catch (_error) {
    // Whatever stands there, no sidecar has written it.
    return new Set();
  }
}

/** Null: there is none, or it may not be read. While Consul is away there are no rollouts to be seen either. */
async function textOf(
  api: Pick<ConsulApi, 'kv'>,
  key: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | null> {
  const read = { mode: 'leader', index: 0n, waitMs: 0, timeoutMs: TIMEOUT_MS } as const;
  while (!signal.aborted) {
    try {
      return (await api.kv(key, read, signal)).value.text;
    } catch (error) {
      if (!(error instanceof ConsulError)) throw error;
      if (error.isLasting) return null;
      await sleep(clock, PAUSE_MS, signal);
    }
  }
  return null;
}
