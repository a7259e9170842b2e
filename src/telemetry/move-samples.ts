import type { Comparison, Ledger } from '../proxy/places/ledger.ts';
import { type Sample, sample } from './registry.ts';

const COMPARISONS: readonly Comparison[] = ['same', 'different', 'failed', 'skipped'];

/** How the two places of the ranges that move get on. It goes away with the move. */
export function* moveSamples(upstream: string, ledgers: Iterable<Ledger>): Generator<Sample> {
  for (const { name, reads, written, lost, isDiverged } of ledgers) {
    for (const result of COMPARISONS) {
      yield sample('remora_second_reads_total', [upstream, name, result], reads[result]);
    }
    yield sample('remora_second_writes_total', [upstream, name, 'written'], written);
    yield sample('remora_second_writes_total', [upstream, name, 'lost'], lost);
    yield sample('remora_range_diverged', [upstream, name], isDiverged ? 1 : 0);
  }
}
