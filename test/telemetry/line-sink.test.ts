import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LineSink, type LineStream } from '../../src/telemetry/line-sink.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { nextTurn, StuckStream } from './stuck-stream.ts';

describe('LineSink', () => {
  it('writes the lines of one turn as one block', async () => {
    const stream = new StuckStream();
    const sink = new LineSink(stream, new ManualClock());
    sink.write('a');
    sink.write('b');
    expect(stream.blocks).toEqual([]);
    await nextTurn();
    expect(stream.blocks).toEqual(['a\nb\n']);
  });

  it('keeps one block with the stream and the next with itself', async () => {
    const stream = new StuckStream();
    const sink = new LineSink(stream, new ManualClock());
    sink.write('a');
    await nextTurn();
    sink.write('b');
    sink.write('c');
    await nextTurn();
    expect(stream.blocks).toEqual(['a\n']);
    stream.take();
    await nextTurn();
    expect(stream.blocks).toEqual(['a\n', 'b\nc\n']);
    expect(sink.written.value).toBe(1);
  });

  it('drops and counts lines while its reader is stuck, and goes on when it reads again', async () => {
    const stream = new StuckStream();
    const sink = new LineSink(stream, new ManualClock(), 20);
    sink.write('first');
    await nextTurn();
    for (let i = 0; i < 10; i++) sink.write(`line-${i}`);
    expect(sink.dropped.value).toBe(8);
    stream.take();
    await nextTurn();
    stream.take();
    sink.write('last');
    await nextTurn();
    stream.take();
    expect(stream.lines).toEqual(['first', 'line-0', 'line-1', 'last']);
    expect(sink.written.value).toBe(4);
  });

  it('counts a block that could not be written as dropped, and tries the next', async () => {
    const stream = new StuckStream();
    const sink = new LineSink(stream, new ManualClock());
    sink.write('a');
    sink.write('b');
    await nextTurn();
    stream.take(new Error('ENOSPC'));
    sink.write('c');
    await nextTurn();
    stream.take();
    expect([sink.dropped.value, sink.written.value]).toEqual([2, 1]);
  });

  it('survives a stream that throws and then calls back as well', async () => {
    const clock = new ManualClock();
    const stream: LineStream = {
      write: (_text, done) => {
        queueMicrotask(() => done(new Error('again')));
        throw new Error('EBADF');
      },
      on: () => undefined,
    };
    const sink = new LineSink(stream, clock);
    sink.write('a');
    await nextTurn();
    await nextTurn();
    expect([sink.dropped.value, sink.written.value]).toEqual([1, 0]);
  });

  it('flushes until its reader has taken everything', async () => {
    const stream = new StuckStream();
    const sink = new LineSink(stream, new ManualClock());
    sink.write('a');
    let isFlushed = false;
    const flushed = sink.flush(1000).then(() => (isFlushed = true));
    await nextTurn();
    expect(isFlushed).toBe(false);
    stream.take();
    await flushed;
    expect(sink.written.value).toBe(1);
  });

  it('gives a flush up when its time is over', async () => {
    const clock = new ManualClock();
    const sink = new LineSink(new StuckStream(), clock);
    sink.write('a');
    const flushed = sink.flush(1000);
    await nextTurn();
    clock.advance(1010);
    await flushed;
    expect(clock.armed).toBe(0);
  });

  it('has nothing to flush when nothing was written', async () => {
    const clock = new ManualClock();
    await new LineSink(new StuckStream(), clock).flush(1000);
    expect(clock.armed).toBe(0);
  });
});

/** Fills standard output for a while and reports on standard error. */
const WRITER = `
  import { SystemClock } from '${new URL('../../src/base/clock-system.ts', import.meta.url).pathname}';
  import { LineSink } from '${new URL('../../src/telemetry/line-sink.ts', import.meta.url).pathname}';
  const sink = new LineSink(process.stdout, new SystemClock());
  const line = 'x'.repeat(999);
  let turns = 0;
  const turn = () => {
    for (let i = 0; i < 100; i++) sink.write(line);
    if (++turns < 50) return setImmediate(turn);
    process.stderr.write(JSON.stringify({ turns, written: sink.written.value, dropped: sink.dropped.value }));
    process.exit(0);
  };
  turn();
`;

describe('LineSink on a real standard output', () => {
  const run = async (stdout: 'pipe' | number): Promise<Record<string, number>> => {
    const flags = ['--experimental-transform-types', '--no-warnings', '--input-type=module', '-e', WRITER];
    const child = spawn(process.execPath, flags, { stdio: ['ignore', stdout, 'pipe'] });
    let said = '';
    child.stderr!.on('data', (bytes: Buffer) => (said += bytes));
    await once(child, 'close');
    return JSON.parse(said) as Record<string, number>;
  };

  it('never blocks on a pipe that nobody reads', async () => {
    const { turns, written, dropped } = await run('pipe');
    expect(turns).toBe(50);
    expect(dropped).toBeGreaterThan(4_000);
    // The kernel holds a few hundred kilobytes.
    expect(written).toBeLessThan(1_000);
  });

  it('loses lines and nothing else on a full disk', async () => {
    const { turns, written, dropped } = await run(openSync('/dev/full', 'w'));
    expect(turns).toBe(50);
    expect(written).toBe(0);
    expect(dropped).toBeGreaterThan(4_500);
  });

  it('writes a file whole', async () => {
    const { written, dropped } = await run(openSync('/dev/null', 'w'));
    expect(dropped).toBe(0);
    expect(written).toBeGreaterThan(4_800);
  });
});
