import type { PlanLabels } from '../proxy/labels.ts';
import type { Counter } from './instruments.ts';
import type { Lease } from './registry.ts';

export interface RetryCounters {
  readonly made: Counter;
  readonly refused: Readonly<Record<'budget' | 'parking' | 'body', Counter>>;
}

export function bindRetries(lease: Lease, { direction, upstream }: PlanLabels): RetryCounters {
  const refused = (reason: string): Counter =>
    lease.counter('remora_retries_refused_total', [direction, upstream, reason]);
  return {
    made: lease.counter('remora_retries_total', [direction, upstream]),
    refused: { budget: refused('budget'), parking: refused('parking'), body: refused('body') },
  };
}
