import type { PlanLabels } from '../proxy/labels.ts';
import { RETRY_REFUSALS, type RetryRefusal } from '../proxy/observer.ts';
import type { Counter } from './instruments.ts';
import type { Lease } from './registry.ts';

export interface RetryCounters {
  readonly made: Counter;
  readonly resent: Counter;
  readonly refused: Readonly<Record<RetryRefusal, Counter>>;
}

export function bindRetries(lease: Lease, { direction, upstream }: PlanLabels): RetryCounters {
  const refused = (reason: string): Counter =>
    lease.counter('remora_retries_refused_total', [direction, upstream, reason]);
  return {
    made: lease.counter('remora_retries_total', [direction, upstream]),
    resent: lease.counter('remora_resends_total', [direction, upstream]),
    refused: Object.fromEntries(RETRY_REFUSALS.map((reason) => [reason, refused(reason)])) as RetryCounters['refused'],
  };
}
