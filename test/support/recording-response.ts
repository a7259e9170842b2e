import type { FailureCode } from '../../src/base/failure.ts';
import type { ResponseHandler } from '../../src/http/conduit.ts';
import type { Fields } from '../../src/http/fields.ts';
import type { ResponseHead } from '../../src/http/head.ts';

/** Writes an answer down as lines: `head 200`, `body ab`, `end`, `failure upstream_reset`. */
export class RecordingResponse implements ResponseHandler {
  readonly log: string[] = [];
  /** What `onBody` answers. */
  hasRoom = true;
  /** Called on every line; a test may act inside the event. */
  react: (line: string) => void = () => undefined;

  onConnected(): void {
    this.note('connected');
  }

  onInterim(head: ResponseHead): void {
    this.note(`interim ${head.status}`);
  }

  onHead(head: ResponseHead): void {
    this.note(`head ${head.status} ${head.body}`);
  }

  onBody(bytes: Buffer): boolean {
    this.note(`body ${bytes.toString('latin1')}`);
    return this.hasRoom;
  }

  onEnd(trailers: Fields | null): void {
    const names: string[] = [];
    trailers?.forEach((name, value) => names.push(` ${name}=${value}`));
    this.note(`end${names.join('')}`);
  }

  onFailure(code: FailureCode): void {
    this.note(`failure ${code}`);
  }

  onUpstreamDrain(): void {
    this.note('drain');
  }

  private note(line: string): void {
    this.log.push(line);
    this.react(line);
  }
}
