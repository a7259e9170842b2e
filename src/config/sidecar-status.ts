import type { LayerName } from './kv-keys.ts';
import type { Verdict } from './rollout.ts';

/** The value of `remora/status/<service>/<instance>`: what one sidecar runs, and why it does not run something newer. */
export interface SidecarStatus {
  readonly service: string;
  readonly instance: string;
  /** Of remora. */
  readonly version: string;
  /** Since when this process runs, and since when it runs what it says here; ms since 1970. */
  readonly startedAtMs: number;
  readonly sinceMs: number;
  readonly layers: readonly LayerStatus[];
  /** Services that it calls: the `service` layers that concern it, whether or not there is a document. */
  readonly calls: readonly string[];
  /** Of rollouts that it takes part in. */
  readonly verdicts: readonly Verdict[];
  /** By upstream: two sidecars with the same one send a key to the same endpoint. */
  readonly rings: Readonly<Record<string, string>>;
}

export interface LayerStatus {
  readonly layer: LayerName;
  /** ModifyIndex of the document in force; null: none. */
  readonly applied: string | null;
  /** Of the newest that it has seen. */
  readonly seen: string | null;
  /** Seed of the rollout whose candidate it runs; null: none. */
  readonly candidate: string | null;
  /** Formatted, at most ten; empty when the newest is in force. */
  readonly problems: readonly string[];
}
