import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { followedTree } from '../config/followed-tree.ts';
import type { LiveConfig } from '../config/live-config.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';
import { KvTree } from '../discovery/kv-tree.ts';

interface Given {
  readonly settings: LiveConfig;
  readonly clock: Clock;
  readonly random: Random;
}

/** What Consul says of the configuration, until the signal: documents, and its own config entries where they are wanted. */
export async function followKv(
  { settings, clock, random }: Given,
  consul: ConsulApi,
  { service: { name }, consul: options }: Config,
  signal: AbortSignal,
): Promise<void> {
  settings.follow(new KvTree(consul, clock, random).follow(followedTree(name), signal), name, signal);
  if (options?.configEntries !== true) return;
  const { followConfigEntries } = await import('./config-entries.ts');
  followConfigEntries(consul, settings, clock, random, signal);
}
