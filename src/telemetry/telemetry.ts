import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ProxyObserver } from '../proxy/observer.ts';
import { AccessLog, type AccessLogMode } from './access-log.ts';
import { BugLog } from './bug-log.ts';
import { FanOut } from './fan-out.ts';
import { type LineSink, lineSamples } from './line-sink.ts';
import { Metrics } from './metrics.ts';
import type { OtlpOptions, SpanIdentity } from './otlp.ts';
import { processSamples } from './process-samples.ts';
import { type Collector, Registry } from './registry.ts';
import type { Tracing } from './tracing.ts';
import { TracingSlot } from './tracing-slot.ts';
import { TrafficTally } from './traffic-tally.ts';

/** What configuration says of telemetry. */
export interface TelemetryOptions {
  /** Null: no spans. */
  readonly otlp: OtlpOptions | null;
  readonly sampleRatio: number;
  readonly accessLog: AccessLogMode;
}

export interface TelemetryParts {
  readonly identity: SpanIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where the access log goes. */
  readonly accessSink: LineSink;
}

/**
 * All that remora tells about its traffic: metrics to be read, spans to be sent, lines to be written.
 *
 * The data path sees one observer, and none of what happens behind it: a collector that is gone, a reader that is stuck
 * or an observer that throws costs telemetry, never a request.
 */
export class Telemetry {
  readonly observer: ProxyObserver;
  /** What became of outbound requests. */
  readonly traffic: TrafficTally;
  private readonly registry: Registry;
  private readonly accessLog: AccessLog;
  private readonly slot = new TracingSlot();
  private tracing: Tracing | null = null;
  /** What tracing was opened with, as text to compare. */
  private tracingKey = '';
  private configuring: Promise<void> = Promise.resolve();

  constructor(private readonly parts: TelemetryParts) {
    const { clock, log, accessSink, identity } = parts;
    const bugLog = new BugLog(log);
    const onThrow = (error: unknown): void => {
      metrics.onBug(error);
      bugLog.onBug(error);
    };
    this.registry = new Registry(clock, onThrow);
    this.traffic = new TrafficTally(this.registry);
    const metrics = new Metrics(this.registry);
    this.accessLog = new AccessLog(accessSink, clock, 'off');
    this.observer = new FanOut([metrics, this.slot, this.accessLog, bugLog], onThrow);
    this.addCollector(processSamples(clock, identity.version));
    this.addCollector(() => this.tracing?.samples() ?? []);
    this.addCollector(() => lineSamples('access', accessSink));
  }

  /** Takes effect for exchanges that close from now on; spans of a new collector, once its exporter is loaded. */
  configure(options: TelemetryOptions): Promise<void> {
    this.accessLog.mode = options.accessLog;
    this.configuring = this.configuring.then(() => this.configureTracing(options));
    return this.configuring;
  }

  addCollector(collector: Collector): void {
    this.registry.addCollector(collector);
  }

  /** Prometheus text, format 0.0.4. */
  render(): string {
    return this.registry.render();
  }

  /** Sends and writes what waits, for at most so long. */
  async flush(timeoutMs: number): Promise<void> {
    await Promise.all([this.tracing?.flush(timeoutMs), this.parts.accessSink.flush(timeoutMs)]);
  }

  private async configureTracing({ otlp, sampleRatio }: TelemetryOptions): Promise<void> {
    const key = JSON.stringify([otlp, sampleRatio]);
    if (key === this.tracingKey) return;
    const { clock, random, log, identity } = this.parts;
    const old = this.tracing;
    try {
      this.tracing = otlp === null ? null : await loadTracing({ otlp, sampleRatio, identity }, clock, random, log);
    } catch (error) {
      // The exporters refuse an endpoint that they cannot read.
      log.error('tracing_not_started', { error: error instanceof Error ? error : new Error(String(error)) });
      return;
    }
    this.tracingKey = key;
    this.slot.fill(this.tracing?.observer ?? null);
    void old?.close();
  }
}

/** OpenTelemetry costs up to 6 MiB and some time at start, so it is loaded when it is wanted. */
async function loadTracing(...args: Parameters<typeof import('./tracing.ts').openTracing>): Promise<Tracing> {
  const { openTracing } = await import('./tracing.ts');
  return openTracing(...args);
}
