import type { PlanLabels } from '../proxy/labels.ts';
import type { AttemptRecord } from '../proxy/observer.ts';
import type { Counter } from './instruments.ts';
import type { Lease, Registry } from './registry.ts';

/** More endpoints than this in one plan share the label `other`. */
const MAX_ENDPOINTS = 1_000;

/** Attempts of one plan, by endpoint and outcome. An endpoint's counters are bound at its first attempt. */
export class AttemptMetrics {
  private readonly endpoints = new Map<string, EndpointCounters>();

  constructor(
    private readonly registry: Registry,
    private readonly labels: PlanLabels,
  ) {}

  count(attempts: readonly AttemptRecord[], attemptCount: number, now: number): void {
    for (let i = 0; i < attemptCount; i++) {
      const attempt = attempts[i]!;
      let counters = this.endpoints.get(attempt.endpoint.id);
      if (counters === undefined || !counters.lease.isHeld) counters = this.follow(attempt.endpoint.id);
      counters.lease.usedAt = now;
      if (attempt.outcome === 'success') counters.success.value += 1;
      else if (attempt.outcome === 'failure') counters.failure.value += 1;
      else counters.ignored.value += 1;
    }
  }

  private follow(id: string): EndpointCounters {
    if (this.endpoints.size >= MAX_ENDPOINTS) this.forgetIdle();
    const key = this.endpoints.size < MAX_ENDPOINTS ? id : OTHER;
    const known = this.endpoints.get(key);
    if (known?.lease.isHeld) return known;
    const counters = new EndpointCounters(this.registry.lease(), this.labels, key);
    this.endpoints.set(key, counters);
    return counters;
  }

  private forgetIdle(): void {
    for (const [id, counters] of this.endpoints) if (!counters.lease.isHeld) this.endpoints.delete(id);
  }
}

const OTHER = 'other';

class EndpointCounters {
  readonly success: Counter;
  readonly failure: Counter;
  readonly ignored: Counter;

  constructor(
    readonly lease: Lease,
    { direction, upstream }: PlanLabels,
    endpoint: string,
  ) {
    this.success = lease.counter('remora_attempts_total', [direction, upstream, endpoint, 'success']);
    this.failure = lease.counter('remora_attempts_total', [direction, upstream, endpoint, 'failure']);
    this.ignored = lease.counter('remora_attempts_total', [direction, upstream, endpoint, 'ignored']);
  }
}
