import type { AskedRequest } from '../../config/policy-tests/schema.ts';
import { FieldList } from '../../http/fields.ts';
import { isGrpc } from '../../http/grpc.ts';
import type { BodyKind, RequestHead } from '../../http/head.ts';

/** The head of a request that nobody sent. */
export class AskedHead extends FieldList implements RequestHead {
  readonly method: string;
  readonly scheme = 'http';
  readonly authority: string;
  readonly path: string;
  readonly body: BodyKind;
  readonly contentLength: number;
  readonly wantsContinue = false;
  readonly acceptsTrailers: boolean;
  readonly upgrade = null;
  readonly version: string;

  constructor({ method, host, port, path, headers, bytes }: AskedRequest) {
    super();
    for (const [name, value] of Object.entries(headers)) this.add(name, value);
    this.method = method;
    this.authority = host ?? `127.0.0.1:${port ?? 80}`;
    this.path = path;
    this.body = bytes > 0 ? 'length' : 'none';
    this.contentLength = bytes > 0 ? bytes : -1;
    const isCall = isGrpc(this.get('content-type'));
    this.acceptsTrailers = isCall;
    this.version = isCall ? '2' : '1.1';
    this.add('host', this.authority);
  }
}
