import type { Cluster } from '../cluster/cluster.ts';
import type { Verdict } from '../cluster/ejection/journal.ts';
import { DETECTORS } from '../policy/outlier/options.ts';
import { type Sample, sample } from './registry.ts';

/** What became of it, as the label says it: the mode of the detector, or that there was no room. */
const MODES: Readonly<Record<Verdict, string>> = { ejected: 'enforce', observed: 'observe', capped: 'capped' };

/** Who is left out, and what has been found so far. Nothing of a detector that has found nobody yet. */
export function* ejectionSamples({ name, ejector }: Cluster): Generator<Sample> {
  if (ejector.isOn) yield sample('remora_ejected_endpoints', [name], ejector.outCount);
  for (const detector of DETECTORS) {
    for (const verdict of Object.keys(MODES) as Verdict[]) {
      const times = ejector.journal.countOf(detector, verdict);
      if (times > 0) yield sample('remora_ejections_total', [name, detector, MODES[verdict]], times);
    }
  }
}
