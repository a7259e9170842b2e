import type { Watch } from '../base/watch.ts';

/** One key of Consul's KV store as last seen. */
export interface KvDocument {
  readonly key: string;
  /** Null: the key does not exist. Consumers decide what absence means; last good wins there too. */
  readonly text: string | null;
  /** A session holds it as a lock. */
  readonly isHeld: boolean;
  /** Consul's ModifyIndex, a whole number in decimal digits; `0` when absent. */
  readonly revision: string;
}

export interface KvSource {
  /** Follows one key until the signal aborts. Errors leave the last document standing and say so in `problem`. */
  follow(key: string, signal: AbortSignal): Watch<KvDocument>;
}
