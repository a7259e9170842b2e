import { expect, it } from 'vitest';
import { HIGH_WATER_BYTES, Output } from '../../src/net/output.ts';
import { SHARED_READ_BYTES, type Slab, slabOf } from '../../src/net/slab.ts';
import type { Transport, TransportHandler } from '../../src/net/transport.ts';

/** Nothing comes from a sink. */
const NO_HANDLER: TransportHandler = {
  onBytes: () => undefined,
  onEnd: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};

/** Takes writes at once, or keeps them pending and their slabs held, as it is told. */
class Sink implements Transport {
  readonly handler = NO_HANDLER;
  readonly writes: Buffer[] = [];
  readonly held: Slab[] = [];
  pendingBytes = 0;
  isSlow = false;

  write(bytes: Buffer): boolean {
    this.writes.push(this.isSlow ? bytes : Buffer.from(bytes));
    if (!this.isSlow) return true;
    this.pendingBytes += bytes.length;
    const slab = slabOf(bytes);
    slab?.hold();
    if (slab !== null) this.held.push(slab);
    return this.pendingBytes < HIGH_WATER_BYTES;
  }

  finish(): void {
    this.pendingBytes = 0;
    for (const slab of this.held.splice(0)) slab.release();
  }

  get texts(): string[] {
    return this.writes.map((bytes) => bytes.toString('latin1'));
  }

  pause(): void {}
  resume(): void {}
  probe(): void {}
  end(): void {}
  destroy(): void {}
}

function put(output: Output, to: Transport, text: string): void {
  output.open(to, text.length);
  output.end += output.bytes.write(text, output.end, 'latin1');
}

it('gathers what one transport is given into one write', () => {
  const output = new Output();
  const sink = new Sink();
  output.beginTurn();
  put(output, sink, 'head ');
  expect(output.send(sink, Buffer.from('body'))).toBe(true);
  expect(sink.texts).toEqual([]);
  output.endTurn();
  expect(sink.texts).toEqual(['head body']);
});

it('flushes one transport when another has its turn', () => {
  const output = new Output();
  const a = new Sink();
  const b = new Sink();
  put(output, a, 'a');
  put(output, b, 'b');
  expect([a.texts, b.texts]).toEqual([['a'], []]);
  output.flush();
  expect(b.texts).toEqual(['b']);
});

it('flushes on the next tick what is gathered outside a turn', async () => {
  const output = new Output();
  const sink = new Sink();
  put(output, sink, 'late');
  expect(sink.texts).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(sink.texts).toEqual(['late']);
});

it('writes a large piece from where it lies, behind what was gathered', () => {
  const output = new Output();
  const sink = new Sink();
  sink.isSlow = true;
  const large = Buffer.alloc(100_000, 'x');
  put(output, sink, 'head');
  output.send(sink, large);
  expect(sink.writes[1]).toBe(large);
  expect(sink.texts[0]).toBe('head');
});

it('copies bytes of the shared read memory, however many', () => {
  const output = new Output();
  const sink = new Sink();
  sink.isSlow = true;
  SHARED_READ_BYTES.fill('s');
  output.send(sink, SHARED_READ_BYTES);
  output.flush();
  SHARED_READ_BYTES.fill('!');
  expect(sink.texts).toEqual(['s'.repeat(SHARED_READ_BYTES.length)]);
});

it('fills no memory again that a write still points into', () => {
  const output = new Output();
  const slow = new Sink();
  const quick = new Sink();
  slow.isSlow = true;
  for (let i = 0; i < 60; i++) {
    put(output, slow, `slow ${i} `.padEnd(5_000, 's'));
    output.flush();
    put(output, quick, `quick ${i} `.padEnd(5_000, 'q'));
    output.flush();
  }
  expect(slow.texts).toEqual(slow.texts.map((_, i) => `slow ${i} `.padEnd(5_000, 's')));
  expect(quick.texts).toEqual(quick.texts.map((_, i) => `quick ${i} `.padEnd(5_000, 'q')));
});

it('pins little more memory than is pending', () => {
  const output = new Output();
  const slow = new Sink();
  const quick = new Sink();
  slow.isSlow = true;
  for (let i = 0; i < 2_000; i++) {
    put(output, slow, 's'.repeat(100));
    output.flush();
    for (let k = 0; k < 3; k++) put(output, quick, 'q'.repeat(4_000));
    output.flush();
  }
  const slabs = new Set(slow.held);
  expect(slabs.size).toBeLessThanOrEqual(3);
  slow.finish();
  const before = output.bytes;
  put(output, quick, 'q'.repeat(100_000));
  output.flush();
  expect(output.bytes).toBe(before);
});

it('gives room for a head larger than its memory', () => {
  const output = new Output();
  const sink = new Sink();
  put(output, sink, 'before');
  put(output, sink, 'h'.repeat(300_000));
  output.flush();
  expect(sink.texts.join('')).toBe(`before${'h'.repeat(300_000)}`);
});

it('says that a transport is full when it is', () => {
  const output = new Output();
  const sink = new Sink();
  sink.pendingBytes = HIGH_WATER_BYTES;
  expect(output.send(sink, Buffer.from('x'))).toBe(false);
});

it('forgets what was gathered for a transport that is gone', () => {
  const output = new Output();
  const sink = new Sink();
  put(output, sink, 'gone');
  output.discardFor(sink);
  output.flush();
  expect(sink.texts).toEqual([]);
  put(output, sink, 'next');
  output.flush();
  expect(sink.texts).toEqual(['next']);
});
