import { configKey, ROLLOUT_PREFIX } from '../../config/kv-keys.ts';
import type { KvWrite } from '../../discovery/consul-api.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';

const FIRST: readonly (readonly [key: string, text: string])[] = [
  [configKey('mesh'), '{}\n'],
  [ROLLOUT_PREFIX, ''],
];

/**
 * `remora init`: what sidecars follow is there from now on. A question that waits for a prefix without keys is woken by
 * every write to Consul's KV store. What is there already stays as it is.
 */
export async function runInit({ api, store, signal, out }: Operator): Promise<ExitCode> {
  for (const [key, text] of FIRST) {
    const write: KvWrite = { kind: 'set', key, text, revision: '0' };
    const isThere = (await store.key(key)).text !== null;
    const isDone = !isThere && (await api.transact([write], signal)).isDone;
    out.write(`${key} ${isDone ? 'written' : 'is there'}\n`);
  }
  return EXIT.done;
}
