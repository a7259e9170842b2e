import type { Fields } from '../../src/http/fields.ts';
import { BodyScanner, type BodySink, BROKEN } from '../../src/http1/body-scanner.ts';
import { Carry } from '../../src/http1/carry.ts';
import { type HeadLimits, NEED_MORE, REFUSED } from '../../src/http1/head-scanner.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { ResponseParser } from '../../src/http1/response-parser.ts';

/** Small, so that fixtures can go beyond them. */
export const READER_LIMITS: HeadLimits = { maxHeadBytes: 512, maxFields: 8, maxTargetBytes: 64 };

/** Reads messages one after another as a connection would, and writes down what it saw, one line an event. Pieces of a body are one event, however they came. */
export abstract class MessageReader implements BodySink {
  readonly events: string[] = [];
  private readonly carry = new Carry();
  private readonly scanner = new BodyScanner(this);
  private isInBody = false;
  private isOver = false;
  private body = '';

  feed(bytes: Buffer): void {
    if (this.isOver || bytes.length === 0) return;
    this.carry.append(bytes);
    const view = this.carry.view();
    let at = 0;
    while (!this.isOver && at < view.length) {
      const end = this.isInBody ? this.scanner.scan(view, at) : this.parse(view, at);
      if (!this.isInBody && end === NEED_MORE) break;
      if (end === REFUSED || end === BROKEN) {
        this.flushBody();
        this.log(`refused ${this.isInBody ? 'body' : this.failure}`);
        this.isOver = true;
        return;
      }
      at = end;
    }
    this.carry.consume(at);
  }

  /** The other end's FIN. */
  finish(): void {
    if (this.isOver) return;
    if (this.isInBody && !this.scanner.finish()) {
      this.flushBody();
      this.log('cut in body');
    } else if (this.carry.size > 0) {
      this.log('cut in head');
    }
  }

  onBody(bytes: Buffer): boolean {
    this.body += bytes.toString('latin1');
    return true;
  }

  onBodyEnd(trailers: Fields | null): void {
    this.flushBody();
    this.isInBody = false;
    const lines: string[] = [];
    trailers?.forEach((name, value) => lines.push(` ${name}=${JSON.stringify(value)}`));
    this.log(`end${lines.join('')}`);
  }

  protected abstract readonly failure: string;
  /** Writes the head down and answers `beginBody`, or what the parser answered. */
  protected abstract parse(bytes: Buffer, at: number): number;

  protected log(event: string): void {
    this.events.push(event);
  }

  protected beginBody(bytes: Buffer, end: number, ...[kind, length]: Parameters<BodyScanner['begin']>): number {
    this.isInBody = true;
    this.scanner.begin(kind, length);
    return this.scanner.scan(bytes.subarray(0, end), end);
  }

  protected logFields(fields: Fields): void {
    fields.forEach((name, value) => this.log(`  ${name}: ${value}`));
  }

  private flushBody(): void {
    if (this.body !== '') this.log(`body ${JSON.stringify(this.body)}`);
    this.body = '';
  }
}

export class RequestReader extends MessageReader {
  private readonly parser = new RequestParser(READER_LIMITS, 'http');

  protected get failure(): string {
    return this.parser.failure;
  }

  protected parse(bytes: Buffer, at: number): number {
    const end = this.parser.parse(bytes, at);
    if (end === NEED_MORE || end === REFUSED) return end;
    const { head } = this.parser;
    const framing = head.body === 'length' ? `length ${head.contentLength}` : head.body;
    this.log(`${head.method} ${head.scheme} ${head.authority || '-'} ${head.path} ${head.version} ${framing}`);
    if (!head.keepsAlive) this.log('  (closes)');
    if (head.wantsContinue) this.log('  (waits for 100)');
    if (head.acceptsTrailers) this.log('  (accepts trailers)');
    if (head.upgrade !== null) this.log(`  (upgrade ${head.upgrade})`);
    this.logFields(head);
    return this.beginBody(bytes, end, head.body, head.contentLength);
  }
}

export class ResponseReader extends MessageReader {
  private readonly parser = new ResponseParser(READER_LIMITS);

  constructor(method: string, upgrade: string | null) {
    super();
    this.parser.begin(method, upgrade);
  }

  protected get failure(): string {
    return this.parser.failure;
  }

  protected parse(bytes: Buffer, at: number): number {
    const end = this.parser.parse(bytes, at);
    if (end === NEED_MORE || end === REFUSED) return end;
    const { head } = this.parser;
    const framing = head.body === 'length' ? `length ${head.contentLength}` : head.body;
    this.log(`${head.status} ${framing}${head.keepsAlive ? '' : ' (closes)'}`);
    this.logFields(head);
    return this.beginBody(bytes, end, head.body, head.contentLength);
  }
}
