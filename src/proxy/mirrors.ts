import type { Peer } from '../http/conduit.ts';
import type { Fields } from '../http/fields.ts';
import type { RequestHead } from '../http/head.ts';
import type { ExchangeContext } from './exchange-context.ts';
import type { Replay } from './replay.ts';

/** A request that is complete. Lent for the call: whoever keeps something of it copies. */
export interface CompleteRequest {
  readonly head: RequestHead;
  readonly peer: Peer;
  readonly requestId: string;
}

/**
 * Where else the requests of a plan go, for nobody: see `places/route-mirrors.ts`. Asked once for each request that was
 * let in, when its client has sent all of it. It must not throw, and nothing of it may be heard by the client.
 */
export interface Mirrors {
  copy(context: ExchangeContext, request: CompleteRequest, body: Replay, trailers: Fields | null): void;
}

export const NO_MIRRORS: Mirrors = { copy: () => undefined };
