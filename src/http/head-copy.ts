import { type Edits, NO_EDITS } from './edits.ts';
import { FieldList, type Fields } from './fields.ts';
import type { BodyKind, RequestHead, ResponseHead } from './head.ts';

/**
 * Heads that outlive what they were read from: a connection uses its own again for the next message.
 *
 * What belonged to the hop alone because `Connection` named it is left out here. Encoders know such fields only of the
 * wire they were read from, and a copy has no wire.
 */
export class RequestCopy extends FieldList implements RequestHead {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly body: BodyKind;
  readonly contentLength: number;
  /** A copy is only sent with all of its body at hand. */
  readonly wantsContinue = false;
  readonly acceptsTrailers: boolean;
  readonly upgrade: string | null;
  readonly version: string;

  constructor(head: RequestHead, edits: Edits = NO_EDITS) {
    super();
    this.method = head.method;
    this.scheme = head.scheme;
    this.authority = head.authority;
    this.path = head.path;
    this.body = head.body;
    this.contentLength = head.contentLength;
    this.acceptsTrailers = head.acceptsTrailers;
    this.upgrade = head.upgrade;
    this.version = head.version;
    copyLines(head, this, edits);
  }

  /** About what it takes to keep. */
  get bytes(): number {
    let sum = this.method.length + this.authority.length + this.path.length;
    this.forEach((name, value) => {
      sum += name.length + value.length;
    });
    return sum;
  }
}

/** The head of an answer as `edits` would have it. */
export class ResponseCopy extends FieldList implements ResponseHead {
  readonly status: number;
  readonly body: BodyKind;
  readonly contentLength: number;

  constructor(head: ResponseHead, edits: Edits) {
    super();
    this.status = head.status;
    this.body = head.body;
    this.contentLength = head.contentLength;
    copyLines(head, this, edits);
  }
}

function copyLines(from: Fields, into: FieldList, edits: Edits): void {
  const named = from.get('connection');
  const dropped = named === null ? [] : named.split(',').map((name) => name.trim().toLowerCase());
  from.forEach((name, value) => {
    if (!dropped.includes(name) && !edits.leavesOut(name)) into.add(name, value);
  });
  for (let i = 0; i < edits.addedCount; i++) into.add(edits.names[i]!, edits.values[i]!);
}
