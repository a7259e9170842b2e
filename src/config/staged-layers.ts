import type { LayerName } from './kv-keys.ts';
import type { KvText } from './material.ts';
import type { Problem } from './problems.ts';

/** One layer of the configuration as this sidecar has it. */
export interface LayerStanding {
  readonly layer: LayerName;
  /** Of the newest document that was seen, candidates aside; null: none. */
  readonly seen: string | null;
  /** The document in force, which may be a candidate; null: none. */
  readonly used: KvText | null;
  /** Why what was to be used is not: the candidate where there is one, else the newest document. */
  readonly problems: readonly Problem[];
}

/** What became of a candidate. `pending`: it has not been settled yet. */
export interface CandidateStanding {
  readonly state: 'pending' | 'applied' | 'refused';
  readonly problems: readonly Problem[];
}

/** Layers of which one document may be replaced by its staged successor for a while. */
export interface StagedLayers {
  /** Null: the layer's own document again. */
  override(layer: LayerName, candidate: KvText | null): void;
  candidateOf(layer: LayerName): CandidateStanding | null;
  standings(): readonly LayerStanding[];
}
