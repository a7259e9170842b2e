import { invariant } from '../base/invariant.ts';
import type { LocalAnswer } from '../http/answer.ts';
import type { Edits } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import type { BodyKind, RequestHead, ResponseHead } from '../http/head.ts';
import { CHUNK_ROOM, encodeChunkEnd, encodeChunkStart, encodeLastChunk, lastChunkRoom } from '../http1/encode-chunk.ts';
import { encodeLocal, localRoom } from '../http1/encode-local.ts';
import {
  encodeInterim,
  encodeResponse,
  type Persistence,
  responseFraming,
  responseRoom,
} from '../http1/encode-response.ts';
import { HIGH_WATER_BYTES, type Output } from './output.ts';
import type { Transport } from './transport.ts';

/**
 * The answer to one request on a client's HTTP/1.1 connection, as it is written: interim heads, one final head, a body
 * framed so that this client sees its end, and the end. Used again for each request.
 */
export class ClientAnswer {
  phase: 'none' | 'begun' | 'complete' = 'none';
  /** No other follows on this connection; known from the head on. */
  isLast = false;
  private framing: BodyKind = 'none';

  constructor(
    private readonly transport: Transport,
    private readonly output: Output,
  ) {}

  reset(): void {
    this.phase = 'none';
    this.isLast = false;
    this.framing = 'none';
  }

  /** After a 101. */
  get isRaw(): boolean {
    return this.framing === 'raw';
  }

  /** An incomplete body looks complete when the connection is closed in order. */
  get endsByClose(): boolean {
    return this.framing === 'raw' || this.framing === 'until_close';
  }

  /** HTTP/1.0 has no interim answers, and who does not read gets no more of what it may do without. */
  interim(request: RequestHead, head: ResponseHead, edits: Edits): void {
    if (this.phase !== 'none' || request.version === '1.0') return;
    if (this.transport.pendingBytes >= HIGH_WATER_BYTES) return;
    this.output.open(this.transport, responseRoom(head, edits));
    encodeInterim(this.output, head, edits);
  }

  /** `mayStay`: as far as the request goes, the connection can be used again. */
  head(request: RequestHead, head: ResponseHead, edits: Edits, mayStay: boolean): void {
    invariant(this.phase === 'none', 'an answer has one final head');
    this.phase = 'begun';
    this.framing = responseFraming(head, request.version === '1.0' ? 0 : 1);
    const persistence = this.persist(request, edits, mayStay && !this.endsByClose);
    this.output.open(this.transport, responseRoom(head, edits));
    encodeResponse(this.output, head, edits, this.framing, persistence);
  }

  /** False: full. */
  body(bytes: Buffer): boolean {
    const { output, transport } = this;
    if (this.framing === 'none') return true;
    if (this.framing !== 'chunked') return output.send(transport, bytes);
    output.open(transport, CHUNK_ROOM);
    encodeChunkStart(output, bytes.length);
    const hasRoom = output.send(transport, bytes);
    output.open(transport, CHUNK_ROOM);
    encodeChunkEnd(output);
    return hasRoom;
  }

  end(request: RequestHead, trailers: Fields | null): void {
    this.phase = 'complete';
    if (this.framing === 'raw') return this.transport.end();
    if (this.framing !== 'chunked') return;
    const accepted = request.acceptsTrailers ? trailers : null;
    this.output.open(this.transport, lastChunkRoom(accepted));
    encodeLastChunk(this.output, accepted);
  }

  local(request: RequestHead, answer: LocalAnswer, edits: Edits, mayStay: boolean): void {
    invariant(this.phase === 'none', 'an answer of our own takes the place of another');
    this.phase = 'complete';
    this.writeLocal(answer, edits, request.method === 'HEAD', this.persist(request, edits, mayStay));
  }

  /** To a client whose requests cannot be read on. */
  refusal(answer: LocalAnswer, edits: Edits, isHead: boolean): void {
    this.phase = 'complete';
    this.isLast = true;
    this.writeLocal(answer, edits, isHead, 'close');
  }

  private persist(request: RequestHead, edits: Edits, mayStay: boolean): Persistence {
    this.isLast = !mayStay || edits.closes;
    if (this.isLast) return 'close';
    return request.version === '1.0' ? 'keep-alive' : 'implied';
  }

  private writeLocal(answer: LocalAnswer, edits: Edits, isHead: boolean, persistence: Persistence): void {
    this.output.open(this.transport, localRoom(answer, edits));
    encodeLocal(this.output, answer, edits, isHead, persistence);
  }
}
