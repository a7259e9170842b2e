import type { FailureCode } from '../../base/failure.ts';
import type { EndpointSpec } from '../../cluster/snapshot.ts';
import type { Connector, ResponseHandler, Upstream } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import { FieldList } from '../../http/fields.ts';
import { isGrpc } from '../../http/grpc.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import { NO_TUNNEL } from '../../http/no-connection.ts';

/** What an endpoint would have been sent. */
export interface Sent {
  readonly endpoint: string;
  readonly host: string;
  readonly path: string;
  readonly fields: FieldList;
}

/** Endpoints that are assumed: they are sent nothing, and answer as they were told to. */
export interface FarEnd {
  /** Calls in a later event, as connections do. */
  later(task: () => void): void;
  onSent(sent: Sent): void;
  /** A status, or null: it refuses connections. */
  answerOf(spec: EndpointSpec): number | null;
}

/** The way to one of them, which no byte takes. */
export class AssumedConnector implements Connector {
  constructor(
    private readonly spec: EndpointSpec,
    private readonly end: FarEnd,
  ) {}

  acquire(handler: ResponseHandler, _fresh: boolean, version: string): Upstream {
    return new AssumedUpstream(this.spec, this.end, handler, version);
  }

  dial(): typeof NO_TUNNEL {
    return NO_TUNNEL;
  }

  retire(): void {}
}

class AssumedUpstream implements Upstream {
  readonly isReused = false;
  bytesWritten = 0;
  private head: RequestHead | null = null;
  private isOver = false;
  private readonly status: number | null;

  constructor(
    private readonly spec: EndpointSpec,
    private readonly end: FarEnd,
    private readonly handler: ResponseHandler,
    readonly version: string,
  ) {
    this.status = end.answerOf(spec);
    if (this.status === null) this.fail('connect_refused');
  }

  get isReady(): boolean {
    return this.status !== null;
  }

  sendHead(head: RequestHead, edits: Edits): void {
    this.head = head;
    this.bytesWritten += head.path.length;
    const fields = new FieldList();
    head.forEach((name, value) => !edits.leavesOut(name) && fields.add(name, value));
    for (let i = 0; i < edits.addedCount; i++) fields.add(edits.names[i]!, edits.values[i]!);
    const host = fields.get('host') ?? head.authority;
    this.end.onSent({ endpoint: this.spec.id, host, path: edits.path ?? head.path, fields });
  }

  sendBody(bytes: Buffer): boolean {
    this.bytesWritten += bytes.length;
    return true;
  }

  sendEnd(): void {
    this.end.later(() => {
      if (this.isOver) return;
      this.handler.onHead(answer(this.status!, this.head!));
      if (this.isOver) return;
      this.isOver = true;
      this.handler.onEnd(null);
    });
  }

  resume(): void {}

  abort(): void {
    this.isOver = true;
  }

  private fail(code: FailureCode): void {
    this.end.later(() => {
      if (this.isOver) return;
      this.isOver = true;
      this.handler.onFailure(code);
    });
  }
}

/** Calls are answered with a status of their own, in a head alone. */
function answer(status: number, head: RequestHead): ResponseHead {
  const fields = new FieldList();
  if (isGrpc(head.get('content-type')) && status === 200) {
    fields.add('content-type', 'application/grpc').add('grpc-status', '0');
  }
  return Object.assign(fields, { status, body: 'none' as const, contentLength: -1 });
}
