import type { Fields } from './fields.ts';

/**
 * How the end of a body is known. `raw`: there is none, both directions carry opaque bytes until their FIN
 * (after 101, or 2xx to CONNECT).
 */
export type BodyKind = 'none' | 'length' | 'chunked' | 'until_close' | 'raw';

/**
 * The head of a request, validated. It is lent: the connection reuses the object for its next request, so whatever
 * outlives the exchange copies what it needs. Hop-by-hop fields are still visible here; encoders leave them out.
 */
export interface RequestHead extends Fields {
  /** As sent; methods are case-sensitive. */
  readonly method: string;
  /** `http` or `https`: of the absolute target, else of the listener. */
  readonly scheme: string;
  /**
   * Host and optional port, as sent (Host field, or the authority of an absolute target). Empty only for HTTP/1.0
   * without Host.
   */
  readonly authority: string;
  /** Origin form: path and query, or `*`. Never empty. */
  readonly path: string;
  readonly body: BodyKind;
  /** Bytes of the body when `body` is `length`, else -1. */
  readonly contentLength: number;
  /** The client sent `Expect: 100-continue` and waits for an interim answer before its body. */
  readonly wantsContinue: boolean;
  /** The client accepts trailers (`TE: trailers`). */
  readonly acceptsTrailers: boolean;
  /**
   * The protocol asked for with `Connection: upgrade`, as sent; null without one, and for `h2c`, which is never
   * forwarded.
   */
  readonly upgrade: string | null;
  /** What the client speaks, for logs and spans: `1.0`, `1.1`, `2`. */
  readonly version: string;
}

/** The head of an answer, interim ones included. Lent, as the request's. */
export interface ResponseHead extends Fields {
  /** 100 .. 999; 1xx only in interim answers, and 101. */
  readonly status: number;
  readonly body: BodyKind;
  /** Bytes of the body when `body` is `length`, else -1. */
  readonly contentLength: number;
}
