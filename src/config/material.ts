import type { Config, UpstreamConfig } from './config.ts';
import type { Environment } from './environment.ts';
import type { LayerName } from './kv-keys.ts';
import type { Place, Problem } from './problems.ts';

/** One document of Consul's KV store, or its staged successor. */
export interface KvText {
  readonly layer: LayerName;
  readonly text: string;
  /** ModifyIndex of its key, in decimal digits. Of a candidate, of the key that stages it. */
  readonly revision: string;
  readonly isCandidate: boolean;
}

/** Consul's own config entries of one service, compiled (`/v1/discovery-chain/:service`). */
export interface ChainText {
  readonly service: string;
  readonly json: string;
}

/** This machine's part, unread. */
export interface LocalText {
  /** What problems call the file. */
  readonly source: string;
  readonly text: string;
  readonly env: Environment;
  /** `path=value`, as given to `--set`. */
  readonly set: readonly string[];
}

/**
 * Everything a configuration is made of, as it was read. Plain data, so that another thread can settle it: a document
 * of ten thousand routes takes longer to judge than any request may wait.
 */
export interface Material {
  readonly local: LocalText;
  /** The newest of each layer that concerns this sidecar. */
  readonly newest: readonly KvText[];
  /** Of each layer the one in force: what stands in for a newer one that is no good. */
  readonly good: readonly KvText[];
  readonly chains: readonly ChainText[];
  /** What is in force has so many, for the guard against a document that takes away all at once. Null at the start. */
  readonly inForce: { readonly upstreams: number; readonly routes: number } | null;
}

/** Which document of a layer is in force, and what is wrong with the newest. */
export interface LayerVerdict {
  readonly layer: LayerName;
  /** Null: none, or none that is good. */
  readonly used: KvText | null;
  /** Empty when the newest is the one that is used. */
  readonly problems: readonly Problem[];
}

/**
 * What comes of it. A document that is no good by itself is replaced by its last good one; documents that are good one
 * by one and contradict each other are taken back, the changed ones first, until what is left is a configuration. The
 * local part alone is always one, or the program has not started.
 */
export interface Settlement {
  /** Null: the local part is no good, and says why in `localProblems`. */
  readonly config: Config | null;
  /** What an upstream is of which nobody says anything. */
  readonly unsaid: UpstreamConfig | null;
  readonly localProblems: readonly Problem[];
  readonly layers: readonly LayerVerdict[];
  /** Of Consul's config entries: what cannot be had from them. */
  readonly chainProblems: readonly Problem[];
  /** The effective configuration in the words of the file, secrets hidden, defaults written out. */
  readonly shown: Readonly<Record<string, unknown>>;
  /** Where every value that somebody wrote came from, by its path in `shown`. */
  readonly origins: ReadonlyMap<string, Place>;
  /** Equal for equal settings. */
  readonly fingerprint: string;
}

/** Settles in this thread or in another. Never rejects for what is written in the material. */
export interface Settler {
  settle(material: Material): Promise<Settlement>;
}
