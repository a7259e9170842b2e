import type { EndpointSpec, ServiceQuery } from '../cluster/snapshot.ts';
import type { KvDocument } from './kv.ts';
import type { RegistrationOptions } from './options.ts';

/** How to read. */
export interface ConsulRead {
  /**
   * `stale`: any server may answer, also one without a leader. `leader`: only what the leader vouches for, though one
   * just elected may be a moment behind its predecessor. `consistent`: not even that, for who asks whether a write of
   * his own was done.
   */
  readonly mode: 'stale' | 'leader' | 'consistent';
  /** Blocks until the index is passed; 0: answers at once. */
  readonly index: bigint;
  readonly waitMs: number;
  /** For the whole call, connecting and the last byte of the body included. */
  readonly timeoutMs: number;
}

export interface ConsulAnswer<T> {
  readonly value: T;
  /** Null: the answer named none, which only a proxy in between can have done. */
  readonly index: bigint | null;
  /** False: the server that answered knows no leader, so its data may be arbitrarily old. */
  readonly knowsLeader: boolean;
  /** Consul left something out because the token may not see it. */
  readonly isFiltered: boolean;
  /** Two answers with the same print say the same. */
  readonly print: string;
}

/** Something that a token needs the right to read, or what depends on it is left out of answers without a word. */
export interface AclResource {
  readonly kind: 'service' | 'node' | 'key';
  readonly name: string;
}

export interface HealthAnswer extends ConsulAnswer<readonly EndpointSpec[]> {
  /** Instances that are listed and that nobody could connect to, in words. */
  readonly skipped: readonly string[];
  /** What the listed instances are read under, each once. */
  readonly resources: readonly AclResource[];
}

/** `open`: Consul has no ACLs. `granted`: it has, and they let the token read all that was asked for. */
export type Rights = 'open' | 'granted';

/** A service as the local agent knows it: the id is one agent's, and so is what stands under it. */
export interface Registered {
  /** Empty: the agent's own. */
  readonly address: string;
  readonly port: number;
  /** Whoever registered it is gone, since its TTL has run out, or is leaving, since it is in maintenance. */
  readonly isForsaken: boolean;
}

/**
 * One of the writes of a transaction. `revision`: only while the key has it; `0`: only while there is no such key. A key
 * that has gone is deleted already, whatever its revision was: `check` is for who has to know that it was still there.
 */
export type KvWrite =
  | { readonly kind: 'check'; readonly key: string; readonly revision: string }
  | { readonly kind: 'set'; readonly key: string; readonly text: string; readonly revision: string | null }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: string | null }
  | { readonly kind: 'delete_tree'; readonly prefix: string };

export interface Transaction {
  /** False: nothing was written. */
  readonly isDone: boolean;
  /** Why not, by the index of the write. */
  readonly refusals: readonly { readonly index: number; readonly why: string }[];
}

/** A service that a sidecar has registered. */
export interface RegisteredSidecar {
  readonly service: string;
  readonly id: string;
  readonly node: string;
}

export type CheckStatus = 'passing' | 'warning' | 'critical';

/**
 * What remora asks of Consul, and nothing more. Every call settles within its deadline, ends early when the signal
 * aborts, and rejects with a `ConsulError`.
 */
export interface ConsulApi {
  /** Every listed instance, critical ones included, sorted by id. */
  health(query: ServiceQuery, read: ConsulRead, signal: AbortSignal): Promise<HealthAnswer>;
  kv(key: string, read: ConsulRead, signal: AbortSignal): Promise<ConsulAnswer<KvDocument>>;
  /**
   * Every key that begins so; none is an answer too. What the token may not read is left out without a word. Of keys
   * that are not `keeps`, all without it, nothing but the key and its revision is read: their text is null.
   */
  kvTree(
    prefix: string,
    read: ConsulRead,
    signal: AbortSignal,
    keeps?: (key: string) => boolean,
  ): Promise<ConsulAnswer<readonly KvDocument[]>>;
  /** All of the writes, or none. At most 64. */
  transact(writes: readonly KvWrite[], signal: AbortSignal): Promise<Transaction>;
  /** The config entries that concern a service, compiled, as Consul's JSON. */
  discoveryChain(service: string, read: ConsulRead, signal: AbortSignal): Promise<ConsulAnswer<string>>;
  /** False: not written, because another session holds the key. */
  putKv(key: string, text: string, session: string | null, signal: AbortSignal): Promise<boolean>;

  /** Where the local agent runs; null when it does not say. */
  zone(signal: AbortSignal): Promise<string | null>;

  /** Null: nobody holds the id, or the agent does not tell. */
  registered(serviceId: string, signal: AbortSignal): Promise<Registered | null>;
  /** Idempotent. The TTL check it makes is `checkIdOf(service.id)`. */
  register(service: RegistrationOptions, status: CheckStatus, signal: AbortSignal): Promise<void>;
  deregister(serviceId: string, signal: AbortSignal): Promise<void>;
  maintenance(serviceId: string, enable: boolean, reason: string, signal: AbortSignal): Promise<void>;
  /** False: the agent has no such check, so it has forgotten the service. */
  updateCheck(checkId: string, status: CheckStatus, output: string, signal: AbortSignal): Promise<boolean>;

  /** All that sidecars have registered in the datacenter. */
  sidecars(signal: AbortSignal): Promise<readonly RegisteredSidecar[]>;

  createSession(name: string, ttlMs: number, signal: AbortSignal): Promise<string>;
  /** False: the session is gone. */
  renewSession(id: string, signal: AbortSignal): Promise<boolean>;
  destroySession(id: string, signal: AbortSignal): Promise<void>;

  /**
   * Rejects when the token lacks a right or nothing proves that it has it: a token without rights reads as emptiness.
   */
  checkRights(
    resources: readonly AclResource[],
    query: Pick<ServiceQuery, 'datacenter' | 'namespace'>,
    signal: AbortSignal,
  ): Promise<Rights>;
  /** Is the token another one since then (monotonic ms)? Whoever was refused asks for its own sake. Never rejects. */
  hasNewToken(sinceMs: number): Promise<boolean>;
}

export function maintenanceIdOf(serviceId: string): string {
  return `_service_maintenance:${serviceId}`;
}

export function checkIdOf(serviceId: string): string {
  return `${serviceId}-ttl`;
}
