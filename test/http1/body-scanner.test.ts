import { describe, expect, it } from 'vitest';
import { BodyScanner, type BodySink, BROKEN } from '../../src/http1/body-scanner.ts';

const NOTHING = Buffer.alloc(0);

class Sink implements BodySink {
  readonly pieces: Buffer[] = [];
  ends = 0;
  answer = true;
  onPiece: () => void = () => undefined;

  onBody(bytes: Buffer): boolean {
    this.pieces.push(bytes);
    this.onPiece();
    return this.answer;
  }

  onBodyEnd(): void {
    this.ends++;
  }
}

function scannerOf(...[kind, length]: Parameters<BodyScanner['begin']>) {
  const sink = new Sink();
  const scanner = new BodyScanner(sink);
  scanner.begin(kind, length);
  return { sink, scanner };
}

describe('BodyScanner', () => {
  it('hands on the very bytes that came in, without a copy', () => {
    const { sink, scanner } = scannerOf('length', 20);
    const bytes = Buffer.from('0123456789');
    scanner.scan(bytes, 0);
    expect(sink.pieces[0]).toBe(bytes);
    scanner.scan(bytes, 2);
    expect(sink.pieces[1]!.buffer).toBe(bytes.buffer);
    expect(sink.pieces[1]!.toString()).toBe('23456789');
  });

  it('ends an empty body when it is scanned, not before', () => {
    for (const [kind, length] of [['none', -1] as const, ['length', 0] as const]) {
      const { sink, scanner } = scannerOf(kind, length);
      expect(sink.ends).toBe(0);
      expect(scanner.scan(NOTHING, 0)).toBe(0);
      expect(sink.ends).toBe(1);
      expect(scanner.isDone).toBe(true);
    }
  });

  it('delivers what it was given although the sink is full, and says so', () => {
    const { sink, scanner } = scannerOf('chunked', -1);
    sink.answer = false;
    const bytes = Buffer.from('1\r\na\r\n1\r\nb\r\n0\r\n\r\n');
    expect(scanner.scan(bytes, 0)).toBe(bytes.length);
    expect(sink.pieces.join('')).toBe('ab');
    expect(sink.ends).toBe(1);
    expect(scanner.isFull).toBe(true);
  });

  it('stops in the middle of a scan', () => {
    const { sink, scanner } = scannerOf('chunked', -1);
    sink.onPiece = () => scanner.stop();
    scanner.scan(Buffer.from('1\r\na\r\n1\r\nb\r\n0\r\n\r\n'), 0);
    expect(sink.pieces.join('')).toBe('a');
    expect(sink.ends).toBe(0);
    expect(scanner.isDone).toBe(true);
  });

  it('stops on the last piece without an end', () => {
    const { sink, scanner } = scannerOf('length', 1);
    sink.onPiece = () => scanner.stop();
    scanner.scan(Buffer.from('a'), 0);
    expect(sink.ends).toBe(0);
  });

  it('forgets a broken body', () => {
    const { sink, scanner } = scannerOf('chunked', -1);
    expect(scanner.scan(Buffer.from('0\r\nhalf a trailer'), 0)).toBeGreaterThan(0);
    scanner.begin('chunked', -1);
    scanner.scan(Buffer.from('0\r\n\r\n'), 0);
    expect(sink.ends).toBe(1);
  });

  it.each([
    ['one long extension', `5;a=${'b'.repeat(2000)}\r\nhello\r\n0\r\n\r\n`],
    ['many short extensions', `1;${'a'.repeat(100)}\r\nb\r\n`.repeat(200)],
    ['many trailers', `0\r\n${'x-a: b\r\n'.repeat(100)}\r\n`],
    ['one long trailer', `0\r\nx-a: ${'b'.repeat(10_000)}\r\n\r\n`],
    ['a trailer that does not end', `0\r\nx-a: ${'b'.repeat(10_000)}`],
  ])('refuses %s', (_, text) => {
    const { sink, scanner } = scannerOf('chunked', -1);
    expect(scanner.scan(Buffer.from(text), 0)).toBe(BROKEN);
    expect(sink.ends).toBe(0);
  });

  it('takes the FIN for the end only where there is no other', () => {
    for (const kind of ['until_close', 'raw'] as const) {
      const { sink, scanner } = scannerOf(kind, -1);
      expect(scanner.finish()).toBe(true);
      expect(sink.ends).toBe(1);
      expect(scanner.finish()).toBe(false);
    }
    for (const kind of ['length', 'chunked'] as const) expect(scannerOf(kind, 5).scanner.finish()).toBe(false);
  });
});
