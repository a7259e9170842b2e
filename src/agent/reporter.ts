import type { ConfigLayerView } from '../admin/agent-view.ts';
import type { Sample } from '../telemetry/registry.ts';

/** What tells the mesh of this sidecar. */
export interface Reporter {
  start(): void;
  /** The configuration has changed. */
  onChange(): void;
  /** No layer of the configuration, but what became of the telling. */
  layers(): readonly ConfigLayerView[];
  samples(): Iterable<Sample>;
  close(withinMs: number): Promise<void>;
}

export const SILENT: Reporter = {
  start: () => undefined,
  onChange: () => undefined,
  layers: () => [],
  samples: () => [],
  close: () => Promise.resolve(),
};
