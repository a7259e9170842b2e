import { CRITICALITY_NAMES } from '../policy/criticality.ts';
import { type OverloadGuard, RESOURCES } from '../policy/overload-guard.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { Doors } from '../route/doors/doors.ts';
import { type Sample, sample } from './registry.ts';

/** What was turned away before it cost anything. */
export function* doorSamples(
  { labels, door }: { readonly labels: PlanLabels; readonly door: Doors },
  now: number,
): Generator<Sample> {
  const { direction, upstream } = labels;
  for (const { options, counts, keys } of door.limits.all) {
    const place = [direction, upstream, options.name] as const;
    yield sample('remora_rate_limited_total', [...place, 'enforce'], counts.enforced);
    yield sample('remora_rate_limited_total', [...place, 'observe'], counts.observed);
    yield sample('remora_rate_limit_keys', [...place], keys);
    yield sample('remora_rate_limit_evicted_total', [...place], counts.evicted);
  }
  const { throttle } = door;
  if (throttle.options.mode === 'off') return;
  yield sample('remora_throttled_total', [upstream, 'enforce'], throttle.counts.enforced);
  yield sample('remora_throttled_total', [upstream, 'observe'], throttle.counts.observed);
  yield sample('remora_throttle_ratio', [upstream], throttle.ratio(now));
}

/** How near the process is to its bounds, and what that cost. */
export function* overloadSamples(guard: OverloadGuard): Generator<Sample> {
  for (const resource of RESOURCES) {
    yield sample('remora_overload_pressure', [resource], guard.pressures[resource].level);
  }
  for (const [level, name] of CRITICALITY_NAMES.entries()) {
    yield sample('remora_shed_total', [name, 'enforce'], guard.enforced[level]!);
    yield sample('remora_shed_total', [name, 'observe'], guard.observed[level]!);
  }
  yield sample('remora_shed_total', ['connection', 'enforce'], guard.connectionsRefused);
}
