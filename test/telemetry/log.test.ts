import { describe, expect, it } from 'vitest';
import { LineSink } from '../../src/telemetry/line-sink.ts';
import { type LogOptions, ProcessLog } from '../../src/telemetry/log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { nextTurn, StuckStream } from './stuck-stream.ts';

function setUp(options: Partial<LogOptions> = {}) {
  const clock = new ManualClock();
  const stream = new StuckStream();
  const log = new ProcessLog(new LineSink(stream, clock), clock, { level: 'info', format: 'json', ...options });
  const lines = async (): Promise<string[]> => {
    await nextTurn();
    stream.take();
    return stream.lines;
  };
  return { clock, log, lines };
}

describe('ProcessLog', () => {
  it('writes structured lines', async () => {
    const { log, lines } = setUp();
    log.info('listening', { listener: 'orders', port: 9001, tls: false, zone: null });
    log.warn('consul_lost');
    expect(await lines()).toEqual([
      '{"time":"2023-11-14T22:13:21.000Z","level":"info","event":"listening","listener":"orders","port":9001,"tls":false,"zone":null}',
      '{"time":"2023-11-14T22:13:21.000Z","level":"warn","event":"consul_lost"}',
    ]);
  });

  it('writes text in which no value can look like another line or field', async () => {
    const { log, lines } = setUp({ format: 'text' });
    log.warn('consul_lost', { address: 'http://127.0.0.1:8500', reason: 'a b="c"\n2023 error', tries: 3, nothing: '' });
    expect(await lines()).toEqual([
      '2023-11-14T22:13:21.000Z warn consul_lost address=http://127.0.0.1:8500 reason="a b=\\"c\\"\\n2023 error" tries=3 nothing=""',
    ]);
  });

  it('leaves out what is below its level', async () => {
    const { log, lines } = setUp({ level: 'warn', format: 'text' });
    log.info('a');
    log.warn('b');
    log.error('c');
    expect((await lines()).map((line) => line.split(' ')[2])).toEqual(['b', 'c']);
  });

  it('gives the stack of an error at level error, its message otherwise', async () => {
    const { log, lines } = setUp();
    const error = new TypeError('no');
    log.warn('w', { error });
    log.error('e', { error });
    const [warned, failed] = (await lines()).map((line) => JSON.parse(line) as { error: string });
    expect(warned!.error).toBe('TypeError: no');
    expect(failed!.error).toContain('log.test.ts');
  });

  it('keeps its own fields when a field has their name', async () => {
    const { log, lines } = setUp();
    log.info('a', { event: 'b', level: 'c' });
    expect(JSON.parse((await lines())[0]!)).toMatchObject({ event: 'a', level: 'info', event_: 'b', level_: 'c' });
  });

  it('cuts a value that is far too long', async () => {
    const { log, lines } = setUp();
    log.info('a', { text: 'x'.repeat(100_000) });
    expect((await lines())[0]!.length).toBeLessThan(5_000);
  });

  it('limits the lines of one event, counts the rest and says how many there were', async () => {
    const { clock, log, lines } = setUp();
    for (let i = 0; i < 1000; i++) log.error('storm', { i });
    log.info('calm');
    expect(await lines()).toHaveLength(21);
    expect(log.suppressed.value).toBe(980);
    clock.advance(1_000);
    log.error('storm', { i: 1000 });
    log.error('storm', { i: 1001 });
    const all = await lines();
    expect(all).toHaveLength(22);
    expect(JSON.parse(all[21]!)).toMatchObject({ i: 1000, suppressed: 980 });
  });

  it('allows a burst again after a quiet time, and not more than one', async () => {
    const { clock, log, lines } = setUp();
    for (let i = 0; i < 100; i++) log.error('storm');
    await lines();
    clock.advance(3_600_000);
    for (let i = 0; i < 100; i++) log.error('storm');
    expect(await lines()).toHaveLength(40);
  });

  it('lets events beyond its bound share one allowance', async () => {
    const { log, lines } = setUp();
    for (let i = 0; i < 2000; i++) log.info(`event_${i}`);
    expect(await lines()).toHaveLength(512 + 20);
  });
});
