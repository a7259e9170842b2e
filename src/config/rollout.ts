import type { LayerName } from './kv-keys.ts';

/**
 * A change that is tried by a share of the sidecars before it is anybody else's: the value of `remora/rollout/<layer>`.
 *
 * A sidecar that the layer concerns and whose `hash(seed, service/instance)` falls in the share runs the candidate in
 * place of the layer's document. It goes back to the document by itself, and so does every other, when the guard is
 * broken or the candidate refused anywhere (an objection stands under `remora/rollout/objection/` with this seed), when
 * `until` has passed, when the rollout is gone, or when the layer is no longer at `base`. Nobody has to be alive for
 * that but the sidecars. Only the CLI promotes: one transaction that sets the layer, writes the history, and removes
 * the rollout and its objections.
 */
export interface Rollout {
  readonly layer: LayerName;
  /** ModifyIndex of the layer's document when this was staged; `0`: there was none. */
  readonly base: string;
  /** The document, whole. */
  readonly candidate: string;
  /** Of 10,000 sidecars. */
  readonly share: number;
  /** Random; also the identity of this rollout. */
  readonly seed: string;
  readonly guards: readonly Guard[];
  /** How long each sidecar judges. */
  readonly forMs: number;
  /** Wall time, ms since 1970. What lies between the end of `forMs` and `untilMs` is for the promotion. */
  readonly startedAtMs: number;
  readonly untilMs: number;
  readonly by: string;
}

/**
 * `error_ratio<1%`, `p99<250ms`: broken when at or over the bound and worse than before the candidate, over the
 * sidecar's own exchanges.
 */
export interface Guard {
  readonly kind: 'error_ratio' | 'p50' | 'p90' | 'p99';
  /** A ratio from 0 to 1, or ms. */
  readonly bound: number;
}

/** `running`: fewer than 100 requests, or its time is not over. `passed`: all guards held to the end of it. */
export type VerdictKind = 'running' | 'passed' | 'broken' | 'refused';

export interface Verdict {
  readonly seed: string;
  readonly kind: VerdictKind;
  readonly requests: number;
  /** In words: `error_ratio 3.2 % of 210 requests, over 1 % (0.1 % of 400 before)`. */
  readonly why: string;
}

/** The value of `remora/rollout/objection/<service>/<instance>` is a list of these: one for each rollout that stands. */
export interface Objection extends Verdict {
  readonly layer: LayerName;
  readonly kind: 'broken' | 'refused';
  readonly atMs: number;
}
