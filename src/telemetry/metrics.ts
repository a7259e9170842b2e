import type { FailureCode } from '../base/failure.ts';
import type { Spoken } from '../net/sniffer.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { PlanObserver, ProxyObserver } from '../proxy/observer.ts';
import { AutoMetrics } from './auto-metrics.ts';
import { ExchangeMetrics } from './exchange-metrics.ts';
import type { Counter, Gauge } from './instruments.ts';
import type { Lease, Registry } from './registry.ts';
import { TunnelMetrics } from './tunnel-metrics.ts';

/**
 * Counts what the data path does. Once a plan, an endpoint and a kind of failure have been seen, nothing here builds a
 * label, reads a clock or allocates.
 */
export class Metrics implements ProxyObserver {
  private readonly bugs: Counter;
  /** As many as the configuration has ever named. */
  private readonly listeners = new Map<string, ListenerCounters>();

  constructor(private readonly registry: Registry) {
    this.bugs = registry.lease(FOR_EVER).counter('remora_bugs_total', []);
  }

  follow(labels: PlanLabels): PlanObserver {
    if (labels.protocol === 'tcp') return new TunnelMetrics(this.registry, labels);
    if (labels.protocol === 'auto') return new AutoMetrics(this.registry, labels);
    return new ExchangeMetrics(this.registry, labels);
  }

  onReject(listener: string, code: FailureCode): void {
    this.listener(listener).rejected(code).value += 1;
  }

  onConnection(listener: string, change: 1 | -1): void {
    const counters = this.listener(listener);
    if (change === 1) counters.accepted.value += 1;
    counters.active.value += change;
  }

  onDetected(listener: string, spoken: Spoken): void {
    this.listener(listener).detected(spoken).value += 1;
  }

  onBug(_error: unknown): void {
    this.bugs.value += 1;
  }

  private listener(name: string): ListenerCounters {
    const known = this.listeners.get(name);
    if (known !== undefined) return known;
    const counters = new ListenerCounters(this.registry.lease(FOR_EVER), name);
    this.listeners.set(name, counters);
    return counters;
  }
}

const FOR_EVER = (): boolean => true;

class ListenerCounters {
  readonly accepted: Counter;
  readonly active: Gauge;
  private readonly rejects = new Map<FailureCode, Counter>();
  private readonly detections = new Map<Spoken, Counter>();

  constructor(
    private readonly lease: Lease,
    private readonly name: string,
  ) {
    this.accepted = lease.counter('remora_connections_total', [name]);
    this.active = lease.gauge('remora_connections_active', [name]);
  }

  rejected(code: FailureCode): Counter {
    const known = this.rejects.get(code);
    if (known !== undefined) return known;
    const counter = this.lease.counter('remora_rejects_total', [this.name, code]);
    this.rejects.set(code, counter);
    return counter;
  }

  detected(spoken: Spoken): Counter {
    const known = this.detections.get(spoken);
    if (known !== undefined) return known;
    const counter = this.lease.counter('remora_connections_detected_total', [this.name, spoken]);
    this.detections.set(spoken, counter);
    return counter;
  }
}
