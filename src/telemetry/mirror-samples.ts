import { MIRROR_RESULTS, type MirrorCrowd } from '../proxy/places/mirror-crowd.ts';
import { type Sample, sample } from './registry.ts';

/** What became of copies of requests. Nothing where none was ever made. */
export function* mirrorSamples({ counts, size }: MirrorCrowd): Generator<Sample> {
  if (size === 0 && MIRROR_RESULTS.every((result) => counts[result] === 0)) return;
  for (const result of MIRROR_RESULTS) yield sample('remora_mirrors_total', [result], counts[result]);
  yield sample('remora_mirrors_active', [], size);
}
