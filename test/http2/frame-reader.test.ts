import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, type FrameSink } from '../../src/http2/frame-reader.ts';
import { data, END_STREAM, frame, padded, ping, TYPES } from '../support/http2-frames.ts';
import { splits } from '../support/http2-script.ts';

/** Frames as lines; the pieces of a body as one. */
class Lines implements FrameSink {
  isOver = false;
  readonly lines: string[] = [];
  private body = '';

  onDataBegin(id: number, flags: number, length: number): void {
    this.lines.push(`data ${id} ${flags} ${length}`);
    this.body = '';
  }

  onDataBytes(bytes: Buffer): void {
    expect(bytes.length).toBeGreaterThan(0);
    this.body += bytes.toString('latin1');
  }

  onDataEnd(): void {
    this.lines.push(`bytes ${this.body}`);
  }

  onFrame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.lines.push(`frame ${type} ${flags} ${id} ${bytes.toString('latin1', start, end)}`);
  }

  onFrameError(code: number): void {
    this.lines.push(`error ${code}`);
    this.isOver = true;
  }
}

function read(pieces: readonly Buffer[]): { lines: string[]; isInside: boolean } {
  const sink = new Lines();
  const reader = new FrameReader(sink);
  for (const piece of pieces) {
    const lent = Buffer.from(piece);
    reader.read(lent);
    lent.fill(0);
  }
  return { lines: sink.lines, isInside: reader.isInside };
}

describe('frames', () => {
  it('are the same wherever the reads cut them', () => {
    const frames = [
      ping('12345678'),
      data(1, 'hello', 0),
      frame(0x77, 0xff, 0x8000_0005, Buffer.from('any')),
      padded(TYPES.DATA, 3, END_STREAM, 4, Buffer.from('world')),
      padded(TYPES.DATA, 3, 0, 3, Buffer.alloc(0)),
      padded(TYPES.DATA, 3, 0, 0, Buffer.alloc(0)),
      data(5, ''),
      frame(TYPES.SETTINGS, 0, 0),
    ];
    const lines = [
      'frame 6 0 0 12345678',
      'data 1 0 5',
      'bytes hello',
      'frame 119 255 5 any',
      'data 3 9 10',
      'bytes world',
      'data 3 8 4',
      'bytes ',
      'data 3 8 1',
      'bytes ',
      'data 5 1 0',
      'bytes ',
      'frame 4 0 0 ',
    ];
    for (const pieces of splits(Buffer.concat(frames))) expect(read(pieces)).toEqual({ lines, isInside: false });
  });

  it.each<[string, Buffer, string]>([
    ['larger than announced', frame(TYPES.DATA, 0, 1, Buffer.alloc(16_385)), 'error 6'],
    ['padded by more than there is', frame(TYPES.DATA, 8, 1, Buffer.from([3, 0, 0])), 'error 1'],
    ['padded, without a length of it', frame(TYPES.DATA, 8, 1), 'error 6'],
  ])('end the reading when one is %s', (_what, bad, error) => {
    for (const pieces of splits(Buffer.concat([bad.subarray(0, 12), ping()]))) {
      const { lines, isInside } = read(pieces);
      expect(lines.at(-1)).toBe(error);
      expect(lines.filter((line) => line.startsWith('frame'))).toEqual([]);
      expect(typeof isInside).toBe('boolean');
    }
  });

  it('are kept while they are incomplete, and DATA is not', () => {
    expect(read([ping().subarray(0, 16)]).isInside).toBe(true);
    expect(read([data(1, 'abc').subarray(0, 10)]).lines).toEqual(['data 1 1 3']);
    expect(read([data(1, 'abc').subarray(0, 10)]).isInside).toBe(true);
  });

  it('survive any bytes in any pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (parts) => {
        const pieces = parts.map((part) => Buffer.from(part));
        const whole = read([Buffer.concat(pieces)]);
        expect(read(pieces).lines).toEqual(whole.lines);
      }),
      { numRuns: 1_000 },
    );
  });
});
