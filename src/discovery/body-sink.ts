import type { IncomingMessage } from 'node:http';
import { Writable } from 'node:stream';

/**
 * Where the body of a Consul answer goes.
 *
 * The HTTP client under the `consul` package has no limit on a body and never settles when one is cut off in the
 * middle. It does pipe a body into a stream it is given, so this one counts the bytes and watches the source.
 */
export class BodySink extends Writable {
  private readonly parts: Buffer[] = [];
  private bytes = 0;

  constructor(maxBytes: number, onBroken: (why: string) => void) {
    super({
      write: (chunk: Buffer, _encoding, done) => {
        this.bytes += chunk.length;
        if (this.bytes <= maxBytes) this.parts.push(chunk);
        else onBroken(`the answer is longer than ${maxBytes} bytes`);
        done();
      },
    });
    this.on('pipe', (source: IncomingMessage) => {
      const check = (): void => {
        if (!source.complete) onBroken('the answer was cut off');
      };
      source.on('error', check);
      source.on('close', check);
    });
  }

  get text(): string {
    return Buffer.concat(this.parts).toString('utf8');
  }
}
