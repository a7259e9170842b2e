// What telemetry costs per exchange, in nanoseconds. Run with `node --experimental-transform-types`; prints, asserts nothing.
import { SystemClock } from '../../src/base/clock-system.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { LineSink } from '../../src/telemetry/line-sink.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';
import { attemptRecord, exchangeRecord, ORDERS } from '../telemetry/records.ts';

const EXCHANGES = 1_000_000;
const ROUNDS = 5;

/** A reader that takes everything at once. */
const sink = { write: (_text, done) => queueMicrotask(done) === undefined, on: () => undefined };

const records = Array.from({ length: 64 }, (_, i) =>
  exchangeRecord({
    endedAt: 1001 + (i % 20),
    isSampled: false,
    attempts: [attemptRecord({ host: `10.0.0.${i % 8}` })],
  }),
);

async function measure(name, options, recordsOf) {
  const clock = new SystemClock();
  const telemetry = new Telemetry({
    identity: { serviceName: 'web', instanceId: 'web-1', version: '0.0.0' },
    clock,
    random: new SeededRandom(1),
    log: NO_LOG,
    accessSink: new LineSink(sink, clock),
  });
  await telemetry.configure({ otlp: null, sampleRatio: 0.01, accessLog: 'off', ...options });
  const plan = telemetry.observer.follow(ORDERS);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = clock.now();
    for (let i = 0; i < EXCHANGES; i++) {
      plan.onExchangeOpen(1000);
      plan.onExchangeClose(recordsOf[i & 63]);
      if ((i & 1023) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    best = Math.min(best, ((clock.now() - startedAt) / EXCHANGES) * 1e6);
  }
  console.log(`${name.padEnd(40)} ${best.toFixed(0).padStart(6)} ns per exchange`);
}

const otlp = { endpoint: 'http://127.0.0.1:9', protocol: 'http/protobuf', headers: {} };
await measure('metrics', {}, records);
await measure('metrics, access log of failures', { accessLog: 'failures' }, records);
await measure(
  'metrics, spans of 1 in 64',
  { otlp },
  records.map((record, i) => ({ ...record, isSampled: i === 0 })),
);
await measure('metrics, access log of everything', { accessLog: 'all' }, records);
process.exit(0);
