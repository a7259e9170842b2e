import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { AdaptiveLimit } from '../policy/adaptive-limit.ts';
import type { AdaptiveOptions } from '../policy/adaptive-options.ts';
import { Admission } from '../policy/admission.ts';
import { type CriticalityOptions, CriticalityRule } from '../policy/criticality-rule.ts';
import type { LimitOptions } from '../policy/options.ts';
import { WaitingLine } from '../proxy/waiting-line.ts';

/** What is said of it in the configuration. */
export interface CapacityOptions {
  readonly limits: LimitOptions;
  readonly adaptive: AdaptiveOptions;
  readonly criticality: CriticalityOptions;
}

/** How many requests a plan lets to its cluster, which of them first, and where the others wait. */
export interface Capacity {
  readonly admission: Admission;
  readonly line: WaitingLine;
  readonly criticality: CriticalityRule;
}

/**
 * Where there was a plan before, its gate and its line go on: who is in flight is counted, who waits stays in line, and
 * a limit that was learned is kept unless it is learned otherwise now. Limits that were raised let in who waits.
 */
export function makeCapacity(clock: Clock, options: CapacityOptions, before: Capacity | null): Capacity {
  const { limits, adaptive, criticality } = options;
  if (before === null) {
    const admission = new Admission(limits.maxRequests, new AdaptiveLimit(adaptive));
    const line = new WaitingLine(clock, admission, limits, setImmediate);
    return { admission, line, criticality: new CriticalityRule(criticality) };
  }
  const { admission, line } = before;
  admission.reconfigure(limits.maxRequests);
  admission.adaptive.reconfigure(adaptive);
  line.reconfigure(limits);
  const isSameRule = isDeepStrictEqual(before.criticality.options, criticality);
  return { admission, line, criticality: isSameRule ? before.criticality : new CriticalityRule(criticality) };
}
