import { FieldList } from '../../http/fields.ts';
import type { BodyKind, RequestHead } from '../../http/head.ts';
import { CHECK_FIELD } from './prober.ts';

export interface CheckHeadOptions {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** Whose sidecar asks. */
  readonly caller: string;
  readonly version: '1.1' | '2';
  /** Bytes of its body; -1: none. */
  readonly bodyBytes: number;
}

/** The head of a request that a sidecar makes itself, to learn how an endpoint is. It says so. */
export class CheckHead extends FieldList implements RequestHead {
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

  constructor({ method, path, host, caller, version, bodyBytes }: CheckHeadOptions) {
    super();
    this.method = method;
    this.authority = visible(host);
    this.path = path;
    this.body = bodyBytes < 0 ? 'none' : 'length';
    this.contentLength = bodyBytes;
    this.acceptsTrailers = version === '2';
    this.version = version;
    this.add('user-agent', 'remora-health-check').add(CHECK_FIELD, visible(caller));
  }
}

/** Names of services may be of any letters, of which a head can carry few; some would end its line. */
function visible(text: string): string {
  return text.replace(/[^!-~]/g, '?');
}
