import { Carry } from '../http1/carry.ts';
import type { Match } from './first-bytes.ts';

/** The content type of a handshake record: the first byte of every TLS connection. */
export const HANDSHAKE = 0x16;

/** All records of a ClientHello with their headers. Those of browsers have 2 KiB, with post-quantum keys in them. */
export const MAX_HELLO_BYTES = 16_384;

const CLIENT_HELLO = 0x01;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const MAX_RECORD_BYTES = 16_384;

const RANDOM_BYTES = 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const NAME = /^[A-Za-z0-9_.-]{1,255}$/;

/**
 * Reads the ClientHello at the beginning of a TLS connection (RFC 8446, 4.1.2 and 5.1) for the name of the server that
 * is meant (RFC 6066, 3). It may be spread over any number of records, and come in any pieces.
 *
 * It is only looked at and passed on as it came, so nothing of it is judged but its lengths, which must all fit: a name
 * that two readers could find in two places is no name.
 */
export class ClientHello {
  /** Known once the answer is `yes`; null when the client named nobody. */
  serverName: string | null = null;
  /** Where the first record begins that has not come whole. */
  private at = 0;
  private readonly message = new Carry();

  /** Looks at all that has come so far: what was there the last time, and more behind it. */
  read(bytes: Buffer): Match {
    while (bytes.length > this.at) {
      const end = this.endOfRecord(bytes);
      if (end === MALFORMED) return 'no';
      if (end === UNKNOWN || end > bytes.length) return 'unclear';
      this.message.append(bytes.subarray(this.at + RECORD_HEADER_BYTES, end));
      this.at = end;
      const match = this.readMessage(this.message.view());
      if (match !== 'unclear') return match;
    }
    return 'unclear';
  }

  private endOfRecord(bytes: Buffer): number {
    const { at } = this;
    const type = bytes[at];
    const [major, minor, high, low] = [bytes[at + 1] ?? 3, bytes[at + 2] ?? 0, bytes[at + 3], bytes[at + 4]];
    if (type !== HANDSHAKE || major !== 3 || minor > 4) return MALFORMED;
    if (at + RECORD_HEADER_BYTES >= MAX_HELLO_BYTES) return MALFORMED;
    if (high === undefined || low === undefined) return UNKNOWN;
    const length = high * 256 + low;
    const end = at + RECORD_HEADER_BYTES + length;
    if (length === 0 || length > MAX_RECORD_BYTES || end > MAX_HELLO_BYTES) return MALFORMED;
    // Seen before the record is whole, so that what is no ClientHello is not waited for.
    const isWrong = at === 0 && (bytes[RECORD_HEADER_BYTES] ?? CLIENT_HELLO) !== CLIENT_HELLO;
    return isWrong ? MALFORMED : end;
  }

  private readMessage(message: Buffer): Match {
    if (message.length < MESSAGE_HEADER_BYTES) return 'unclear';
    const length = message.readUIntBE(1, 3);
    const end = MESSAGE_HEADER_BYTES + length;
    if (end > MAX_HELLO_BYTES || message.length > end) return 'no';
    if (message.length < end) return 'unclear';
    if (this.readHello(new Cursor(message, MESSAGE_HEADER_BYTES, end))) return 'yes';
    this.serverName = null;
    return 'no';
  }

  /** False: malformed. */
  private readHello(hello: Cursor): boolean {
    const version = hello.number(2);
    hello.part(RANDOM_BYTES);
    const sessionIdBytes = hello.number(1);
    hello.part(sessionIdBytes);
    const suiteBytes = hello.number(2);
    hello.part(suiteBytes);
    const methodBytes = hello.number(1);
    hello.part(methodBytes);
    if (hello.isShort || version >> 8 !== 3 || sessionIdBytes > 32) return false;
    if (suiteBytes < 2 || suiteBytes % 2 !== 0 || methodBytes === 0) return false;
    if (hello.isAtEnd) return true; // before TLS 1.3 extensions may be left out
    const extensions = hello.part(hello.number(2));
    return hello.isAtEnd && !hello.isShort && this.readExtensions(extensions);
  }

  private readExtensions(extensions: Cursor): boolean {
    let hasNames = false;
    while (!extensions.isAtEnd) {
      const type = extensions.number(2);
      const content = extensions.part(extensions.number(2));
      if (extensions.isShort) return false;
      if (type !== SERVER_NAME) continue;
      if (hasNames || !this.readNames(content)) return false;
      hasNames = true;
    }
    return true;
  }

  private readNames(content: Cursor): boolean {
    const names = content.part(content.number(2));
    if (content.isShort || !content.isAtEnd || names.isAtEnd) return false;
    while (!names.isAtEnd) {
      const type = names.number(1);
      const name = names.part(names.number(2));
      if (names.isShort) return false;
      if (type !== HOST_NAME) continue;
      if (this.serverName !== null || !NAME.test(name.text)) return false;
      this.serverName = name.text;
    }
    return true;
  }
}

const MALFORMED = -1;
const UNKNOWN = -2;

/**
 * Reads numbers and parts one after another. One that goes beyond the end makes it short and is empty; so is all after
 * it.
 */
class Cursor {
  isShort = false;

  constructor(
    private readonly bytes: Buffer,
    private at: number,
    private readonly end: number,
  ) {}

  get isAtEnd(): boolean {
    return this.at === this.end;
  }

  get text(): string {
    return this.bytes.toString('latin1', this.at, this.end);
  }

  number(size: 1 | 2): number {
    const at = this.take(size);
    return this.isShort ? 0 : this.bytes.readUIntBE(at, size);
  }

  part(length: number): Cursor {
    const at = this.take(length);
    return new Cursor(this.bytes, at, this.at);
  }

  /** Where the next so many bytes begin. */
  private take(count: number): number {
    const from = this.at;
    this.isShort ||= this.end - from < count;
    this.at = this.isShort ? this.end : from + count;
    return this.isShort ? this.end : from;
  }
}
