import type { Fields } from '../http/fields.ts';
import type { BodyKind } from '../http/head.ts';
import { CR, HEX, LF, SEMICOLON } from './bytes.ts';
import { BAD_EXTENSION, EXTENSION_START, mayEndExtension, nextInExtension } from './chunk-extension.ts';
import { parseTrailers } from './trailers.ts';

export interface BodySink {
  /** A piece of the decoded body, never empty, lent for the call. False: full. */
  onBody(bytes: Buffer): boolean;
  /** The body is complete. Trailers are filtered; null when nothing is left of them. */
  onBodyEnd(trailers: Fields | null): void;
}

/** `scan` answers: the framing is broken. */
export const BROKEN = -1;

const MAX_EXTENSION_BYTES = 1024;
/** All extensions of one body. They mean nothing here, and are only ever used to keep a parser busy. */
const MAX_EXTENSIONS_BYTES = 16_384;
const MAX_TRAILER_BYTES = 8192;
/**
 * Hexadecimal digits of a chunk's size. 2^52 and more is refused: no Number is wrong, and leading zeros come to an end.
 */
const MAX_SIZE_DIGITS = 13;

// --- States: what the next byte is. Those of one chunk stand in their order. ---
const DONE = 0;
/** The end is next, without a byte. */
const END = 1;
const LENGTH = 2;
const TO_FIN = 3;
const SIZE = 4;
const EXTENSION = 5;
const SIZE_LF = 6;
const DATA = 7;
const DATA_CR = 8;
const DATA_LF = 9;
const TRAILER_START = 10;
const TRAILER_LINE = 11;
const TRAILER_LF = 12;

const NO_BYTES = Buffer.alloc(0);
const CRLF = Buffer.from('\r\n', 'latin1');

/**
 * Finds the end of a body and hands on what is in it, as parts of the very bytes that came in. Chunked coding is taken
 * apart in its strict form (RFC 9112, 7.1): no blanks around sizes, no bare LF. Input may be cut anywhere.
 */
export class BodyScanner {
  /**
   * The sink answered false since this was last set to false: pause the reading. What was given to `scan` is delivered
   * all the same.
   */
  isFull = false;
  private state = DONE;
  /** Bytes left of the body, or of the chunk. */
  private left = 0;
  private digits = 0;
  private extension = 0;
  private inExtension = EXTENSION_START;
  private extensions = 0;
  private section: Buffer = NO_BYTES;

  constructor(private readonly sink: BodySink) {}

  /**
   * `length` matters for kind `length` only. Does not call the sink: `scan` does, also for an empty body, so give it
   * the rest even when that is empty.
   */
  begin(kind: BodyKind, length: number): void {
    this.isFull = false;
    this.left = 0;
    this.extensions = 0;
    this.section = NO_BYTES;
    switch (kind) {
      case 'none':
        this.state = END;
        return;
      case 'length':
        this.left = length;
        this.state = length === 0 ? END : LENGTH;
        return;
      case 'chunked':
        this.beginChunk();
        return;
      default:
        this.state = TO_FIN;
    }
  }

  /** True from the sink's `onBodyEnd`, or `stop`, to the next `begin`. */
  get isDone(): boolean {
    return this.state === DONE;
  }

  /**
   * Feeds the sink. Answers the offset of the first byte behind the body (`bytes.length` when it goes on), or `BROKEN`.
   */
  scan(bytes: Buffer, from: number): number {
    let at = from;
    while (this.state !== DONE) {
      if (this.state === END) this.end(null);
      else if (at === bytes.length) return at;
      else if (this.state === TO_FIN) at = this.give(bytes, at, bytes.length);
      else if (this.state === LENGTH || this.state === DATA) at = this.takeData(bytes, at);
      else if (this.state >= TRAILER_START) at = this.takeTrailer(bytes, at);
      else at = this.takeMark(bytes, at);
      if (at === BROKEN) {
        this.state = DONE;
        return BROKEN;
      }
    }
    return at;
  }

  /** The peer's FIN. True when the body ends with it (the sink has its `onBodyEnd`), false when it is cut. */
  finish(): boolean {
    if (this.state !== TO_FIN) return false;
    this.end(null);
    return true;
  }

  /** Nothing more to the sink, also in the middle of a `scan`. */
  stop(): void {
    this.state = DONE;
    this.section = NO_BYTES;
  }

  private takeData(bytes: Buffer, at: number): number {
    const to = Math.min(bytes.length, at + this.left);
    this.left -= to - at;
    // Before the sink is called, since it may stop the scan.
    if (this.left === 0) this.state = this.state === LENGTH ? END : DATA_CR;
    return this.give(bytes, at, to);
  }

  private give(bytes: Buffer, at: number, to: number): number {
    if (!this.sink.onBody(at === 0 && to === bytes.length ? bytes : bytes.subarray(at, to))) this.isFull = true;
    return to;
  }

  private end(trailers: Fields | null): void {
    this.state = DONE;
    this.sink.onBodyEnd(trailers);
  }

  private beginChunk(): void {
    this.state = SIZE;
    this.left = 0;
    this.digits = 0;
    this.extension = 0;
    this.inExtension = EXTENSION_START;
  }

  /** Takes what stands between the data of two chunks, as far as it is there. */
  private takeMark(bytes: Buffer, at: number): number {
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      switch (this.state) {
        case SIZE: {
          const digit = HEX[byte]!;
          if (digit < 16) {
            if (++this.digits > MAX_SIZE_DIGITS) return BROKEN;
            this.left = this.left * 16 + digit;
          } else if (this.digits === 0) return BROKEN;
          else if (byte === CR) this.state = SIZE_LF;
          else if (byte === SEMICOLON) this.state = EXTENSION;
          else return BROKEN;
          break;
        }
        case EXTENSION:
          if (byte === CR && mayEndExtension(this.inExtension)) {
            this.state = SIZE_LF;
            break;
          }
          this.inExtension = nextInExtension(this.inExtension, byte);
          if (this.inExtension === BAD_EXTENSION) return BROKEN;
          if (++this.extension > MAX_EXTENSION_BYTES || ++this.extensions > MAX_EXTENSIONS_BYTES) return BROKEN;
          break;
        case SIZE_LF:
          if (byte !== LF) return BROKEN;
          this.state = this.left === 0 ? TRAILER_START : DATA;
          return at + 1;
        case DATA_CR:
          if (byte !== CR) return BROKEN;
          this.state = DATA_LF;
          break;
        default:
          if (byte !== LF) return BROKEN;
          this.beginChunk();
      }
    }
    return at;
  }

  /** The trailer section is gathered, bounded, and read when it is whole. */
  private takeTrailer(bytes: Buffer, at: number): number {
    if (this.state === TRAILER_START) {
      this.state = bytes[at] === CR ? TRAILER_LF : TRAILER_LINE;
      return this.state === TRAILER_LF ? at + 1 : at;
    }
    if (this.state === TRAILER_LF) {
      if (bytes[at] !== LF) return BROKEN;
      return this.endSection() ? at + 1 : BROKEN;
    }
    const lf = bytes.indexOf(LF, at);
    const to = lf < 0 ? bytes.length : lf + 1;
    if (this.section.length + to - at > MAX_TRAILER_BYTES) return BROKEN;
    this.section = Buffer.concat([this.section, bytes.subarray(at, to)]);
    if (lf < 0) return to;
    // A bare LF is refused when it is seen, since it may be meant for the end of the body.
    if (this.section[this.section.length - 2] !== CR) return BROKEN;
    this.state = TRAILER_START;
    return to;
  }

  private endSection(): boolean {
    if (this.section.length === 0) {
      this.end(null);
      return true;
    }
    const trailers = parseTrailers(Buffer.concat([this.section, CRLF]));
    this.section = NO_BYTES;
    if (trailers === undefined) return false;
    this.end(trailers);
    return true;
  }
}
