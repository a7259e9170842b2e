import type { Edits } from '../../http/edits.ts';
import { FieldList } from '../../http/fields.ts';
import { GRPC_STATUSES } from '../../http/grpc-status.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import type { RouteAnswer } from '../../proxy/route-effects.ts';
import type { CorsOptions } from '../table/options.ts';
import { OriginRules } from './origins.ts';

const REFUSED_TEXT = 'remora: this origin may not ask here\n';
const PREFLIGHT_VARY = 'origin, access-control-request-method, access-control-request-headers';

/**
 * The CORS protocol (Fetch, 3.3) of one route. Preflights end here; in every other answer, also in those of our own,
 * what the endpoint says of it is left out and what the route says is put in, so that there is one word on who may read
 * it. A request of an origin that may not is answered all the same: it is the browser that keeps the answer from the page,
 * and CORS protects nobody from writes.
 *
 * `*` and credentials never go together, and who may ask with credentials is told by name.
 */
export class Cors {
  private readonly origins: OriginRules;
  private readonly methods: string;
  private readonly headers: string;
  private readonly exposes: string;
  private readonly maxAge: string | null;
  private readonly echoesHeaders: boolean;
  private readonly echoesMethods: boolean;
  private readonly isForAll: boolean;
  private readonly hasCredentials: boolean;

  constructor({ origins, methods, headers, exposes, maxAgeMs, credentials }: CorsOptions) {
    this.origins = new OriginRules(origins);
    this.isForAll = this.origins.isAny;
    this.hasCredentials = credentials && !this.isForAll;
    this.methods = methods.join(', ');
    // With credentials `*` is the name of a field, and of a method.
    this.echoesMethods = methods.includes('*');
    this.echoesHeaders = headers.includes('*');
    this.headers = headers.join(', ');
    this.exposes = exposes.join(', ');
    this.maxAge = maxAgeMs === null ? null : String(Math.floor(maxAgeMs / 1000));
  }

  /** The answer to a preflight, or null for any other request. */
  preflight(head: RequestHead): RouteAnswer | null {
    if (head.method !== 'OPTIONS' || head.count('access-control-request-method') !== 1) return null;
    const origin = head.get('origin');
    if (origin === null) return null;
    const fields = new FieldList().add('vary', PREFLIGHT_VARY);
    const answer = { kind: 'preflight', grpcStatus: GRPC_STATUSES.unimplemented, code: null, fields } as const;
    if (!this.origins.has(origin)) {
      fields.add('content-type', 'text/plain; charset=utf-8');
      return { ...answer, status: 403, body: REFUSED_TEXT };
    }
    const asked = head.get('access-control-request-headers');
    const headers = this.echoesHeaders ? (asked ?? '') : this.headers;
    const methods = this.echoesMethods ? (head.get('access-control-request-method') ?? '') : this.methods;
    if (methods !== '') fields.add('access-control-allow-methods', methods);
    if (headers !== '') fields.add('access-control-allow-headers', headers);
    if (this.maxAge !== null) fields.add('access-control-max-age', this.maxAge);
    return { ...answer, status: 204, body: '' };
  }

  editAnswer(head: RequestHead, answer: ResponseHead | null, edits: Edits): void {
    edits.remove('access-control-allow-origin');
    edits.remove('access-control-allow-credentials');
    edits.remove('access-control-expose-headers');
    const origin = head.get('origin');
    if (this.isForAll) {
      // The same for all, so that caches need not tell them apart.
      if (origin !== null) this.allow('*', edits);
      return;
    }
    if (!variesByOrigin(answer)) edits.append('vary', 'origin');
    if (origin !== null && this.origins.has(origin)) this.allow(origin, edits);
  }

  private allow(origin: string, edits: Edits): void {
    edits.append('access-control-allow-origin', origin);
    if (this.hasCredentials) edits.append('access-control-allow-credentials', 'true');
    if (this.exposes !== '') edits.append('access-control-expose-headers', this.exposes);
  }
}

/** It says so already, in these very words. */
function variesByOrigin(answer: ResponseHead | null): boolean {
  const vary = answer === null ? null : answer.get('vary');
  return vary !== null && (vary === 'origin' || vary === 'Origin' || vary === '*');
}
