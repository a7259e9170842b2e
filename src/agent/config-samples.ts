import type { ConfigLayerView } from '../admin/agent-view.ts';
import type { ConfigCounts } from '../config/config-tally.ts';
import { type Sample, sample } from '../telemetry/registry.ts';

/** What is read of the configuration when somebody asks. */
export interface ConfigSampled {
  readonly states: readonly ConfigLayerView[];
  readonly counted: ConfigCounts;
}

export function* configSamples({ states, counted }: ConfigSampled): Generator<Sample> {
  for (const { name, revision, ageMs, problems, unreachable } of states) {
    const isGood = problems.length === 0 && unreachable === null;
    if (revision !== null) yield sample('remora_config_info', [name, revision], 1);
    yield sample('remora_config_last_reload_successful', [name], isGood ? 1 : 0);
    if (typeof ageMs === 'number') yield sample('remora_config_age_seconds', [name], ageMs / 1_000);
    // Of a file the revision is a hash, which is no number.
    if (revision !== null && /^\d+$/.test(revision)) yield sample('remora_config_revision', [name], Number(revision));
  }
  for (const [source, count] of counted.applied) yield sample('remora_config_applied_total', [layerOf(source)], count);
  for (const [source, count] of counted.refused) yield sample('remora_config_refused_total', [layerOf(source)], count);
  yield sample('remora_config_settlings_total', ['settled'], counted.settled);
  yield sample('remora_config_settlings_total', ['failed'], counted.failed);
}

/** Problems say where a document is; metrics call the layer as all others do. */
function layerOf(source: string): string {
  return source.startsWith('kv:') ? source.slice('kv:'.length) : source;
}
