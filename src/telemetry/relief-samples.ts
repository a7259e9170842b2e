import { FALLBACK_KINDS } from '../policy/fallback.ts';
import { FAULT_KINDS, NO_FAULTS } from '../policy/fault.ts';
import { NO_FALLBACK, type Plan } from '../proxy/plan.ts';
import { NO_STALE } from '../proxy/stale-cache.ts';
import { type Sample, sample } from './registry.ts';

/**
 * What is done to the requests of a plan on purpose, and what its clients get in place of failures. Nothing where
 * neither is.
 */
export function* reliefSamples({ labels, faults, fallback }: Plan, now: number): Generator<Sample> {
  const { direction, upstream } = labels;
  if (faults !== NO_FAULTS) {
    yield sample('remora_faults_in_force', [direction, upstream], faults.inForce(now).length);
    for (const kind of FAULT_KINDS) {
      yield sample('remora_faults_injected_total', [direction, upstream, kind], faults.counts[kind]);
    }
    yield sample('remora_faults_skipped_total', [direction, upstream], faults.counts.skipped);
  }
  if (fallback === NO_FALLBACK) return;
  for (const kind of FALLBACK_KINDS) {
    yield sample('remora_fallbacks_total', [upstream, kind], fallback.counts[kind]);
  }
  const { stale } = fallback;
  if (stale === NO_STALE) return;
  yield sample('remora_fallback_cache_entries', [upstream], stale.size);
  yield sample('remora_fallback_cache_bytes', [upstream], stale.bytes);
  for (const fate of ['kept', 'evicted', 'too_large'] as const) {
    yield sample('remora_fallback_cache_answers_total', [upstream, fate], stale.counts[fate]);
  }
}
