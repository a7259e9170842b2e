import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { type LogFields, NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { LineSink } from '../../src/telemetry/line-sink.ts';
import { sample } from '../../src/telemetry/registry.ts';
import { Telemetry, type TelemetryOptions } from '../../src/telemetry/telemetry.ts';
import { type Collector, httpCollector } from './collector.ts';
import { exchangeRecord, ORDERS } from './records.ts';
import { nextTurn, StuckStream } from './stuck-stream.ts';

const OFF: TelemetryOptions = { otlp: null, sampleRatio: 0, accessLog: 'off' };
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function setUp() {
  const clock = new SystemClock();
  const errors: (LogFields & { readonly event: string })[] = [];
  const stream = new StuckStream();
  const telemetry = new Telemetry({
    identity: { serviceName: 'web', instanceId: 'web-1', version: '0.1.0' },
    clock,
    random: new SeededRandom(1),
    log: { ...NO_LOG, error: (event, fields) => void errors.push({ event, ...fields }) },
    accessSink: new LineSink(stream, clock),
  });
  const plan = telemetry.observer.follow(ORDERS);
  const exchange = (): void => {
    plan.onExchangeOpen(clock.now());
    plan.onExchangeClose(exchangeRecord({ startedAt: clock.now() - 5, endedAt: clock.now() }));
  };
  const value = (series: string): number => {
    const line = telemetry
      .render()
      .split('\n')
      .find((text) => text.startsWith(`${series} `));
    return Number(line?.slice(series.length));
  };
  return { telemetry, errors, stream, exchange, value };
}

async function openCollector(): Promise<{ collector: Collector; otlp: NonNullable<TelemetryOptions['otlp']> }> {
  const collector = await httpCollector();
  closing.push(() => collector.close());
  return { collector, otlp: { endpoint: collector.endpoint, protocol: 'http/protobuf', headers: {} } };
}

describe('Telemetry', () => {
  it('counts from the start and needs no configuration for it', () => {
    const { exchange, value } = setUp();
    exchange();
    expect(value('remora_requests_total{direction="outbound",upstream="orders",status="2xx",failure=""}')).toBe(1);
    expect(value('remora_spans_queued')).toBeNaN();
  });

  it('shows the process it is in', () => {
    const { telemetry, value } = setUp();
    expect(telemetry.render()).toContain(`remora_build_info{version="0.1.0",node="${process.versions.node}"} 1\n`);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(value('remora_uptime_seconds')).toBeGreaterThanOrEqual(0);
    expect(value('remora_event_loop_delay_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0);
  });

  it('reads what others know at every scrape', () => {
    const { telemetry, value } = setUp();
    let age = 1;
    telemetry.addCollector(() => [sample('remora_discovery_age_seconds', ['orders'], age)]);
    expect(value('remora_discovery_age_seconds{upstream="orders"}')).toBe(1);
    age = 2;
    expect(value('remora_discovery_age_seconds{upstream="orders"}')).toBe(2);
  });

  it('sends spans for plans that were followed before a collector was configured', async () => {
    const { telemetry, exchange, value } = setUp();
    const { collector, otlp } = await openCollector();
    exchange();
    await telemetry.configure({ ...OFF, otlp });
    exchange();
    expect(value('remora_spans_queued')).toBe(2);
    await telemetry.flush(10_000);
    expect(collector.spans).toHaveLength(2);
    expect(value('remora_spans_total{fate="exported"}')).toBe(2);
  });

  it('keeps its exporter when a change of configuration is not about it', async () => {
    const { telemetry, exchange, value } = setUp();
    const { otlp } = await openCollector();
    await telemetry.configure({ ...OFF, otlp });
    exchange();
    await telemetry.configure({ ...OFF, otlp: { ...otlp }, accessLog: 'all' });
    expect(value('remora_spans_queued')).toBe(2);
    await telemetry.flush(10_000);
  });

  it('changes to another collector and gives the first one what it still had for it', async () => {
    const { telemetry, exchange } = setUp();
    const first = await openCollector();
    const second = await openCollector();
    void telemetry.configure({ ...OFF, otlp: first.otlp });
    await telemetry.configure({ ...OFF, otlp: first.otlp });
    exchange();
    await telemetry.configure({ ...OFF, otlp: second.otlp });
    exchange();
    await telemetry.flush(10_000);
    expect(second.collector.spans).toHaveLength(2);
    await expect.poll(() => first.collector.spans.length).toBe(2);
  });

  it('makes no spans any more once the collector is taken away', async () => {
    const { telemetry, exchange, value } = setUp();
    const { otlp } = await openCollector();
    await telemetry.configure({ ...OFF, otlp });
    await telemetry.configure(OFF);
    exchange();
    expect(value('remora_spans_queued')).toBeNaN();
  });

  it('goes on without spans, and says so, when the endpoint cannot be read', async () => {
    const { telemetry, errors, exchange, value } = setUp();
    await telemetry.configure({ ...OFF, otlp: { endpoint: 'http://[', protocol: 'grpc', headers: {} } });
    expect(errors.map(({ event }) => event)).toEqual(['tracing_not_started']);
    exchange();
    expect(value('remora_requests_active{direction="outbound",upstream="orders"}')).toBe(0);
  });

  it('writes the access log as configured and counts its lines', async () => {
    const { telemetry, exchange, stream, value } = setUp();
    exchange();
    await telemetry.configure({ ...OFF, accessLog: 'all' });
    exchange();
    await nextTurn();
    stream.take();
    expect(stream.lines).toHaveLength(1);
    expect(value('remora_log_lines_total{log="access",fate="written"}')).toBe(1);
  });

  it('ends a flush in its time while the reader of the access log is stuck', async () => {
    const { telemetry, exchange, stream } = setUp();
    await telemetry.configure({ ...OFF, accessLog: 'all' });
    exchange();
    await telemetry.flush(20);
    expect(stream.blocks).toHaveLength(1);
  });

  it('counts and logs a bug, with its stack', () => {
    const { telemetry, errors, value } = setUp();
    telemetry.observer.onBug('not even an error');
    telemetry.observer.onBug(new Error('twice'));
    expect(value('remora_bugs_total')).toBe(2);
    expect(errors.map(({ event, error }) => [event, (error as unknown as Error).message])).toEqual([
      ['bug', 'not even an error'],
      ['bug', 'twice'],
    ]);
  });

  it('takes an exchange that cannot be described as a bug of its own', async () => {
    const { telemetry, errors, value } = setUp();
    await telemetry.configure({ ...OFF, accessLog: 'all' });
    const plan = telemetry.observer.follow(ORDERS);
    plan.onExchangeOpen(0);
    plan.onExchangeClose({ ...exchangeRecord(), head: null } as never);
    expect(errors).toHaveLength(1);
    expect(value('remora_bugs_total')).toBe(1);
    expect(value('remora_requests_active{direction="outbound",upstream="orders"}')).toBe(0);
  });
});
