import type { Clock } from '../base/clock.ts';
import { type Hash64, hashText } from '../cluster/hash.ts';
import { parsePosition } from '../cluster/position.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead, ResponseHead } from '../http/head.ts';
import { sendCookie } from '../http/set-cookie.ts';
import type { Placed } from '../proxy/placement.ts';
import { CookieText } from './keys/cookie.ts';
import { HeaderText } from './keys/header.ts';
import type { KeyText } from './keys/text.ts';
import { positionWanted, writeToken } from './write-token.ts';

export interface ReadYourWritesOptions {
  /** How long after a write its client's reads are bound to it. */
  readonly forMs: number;
  /** What carries the token: a cookie, or a field of answers and requests, in lower case. */
  readonly carrier: { readonly kind: 'cookie' | 'header'; readonly name: string };
  /** The field of answers with the position in the primary's history, in lower case; null: nobody says one. */
  readonly position: string | null;
}

/**
 * A client that has written reads what it wrote: the answer to a write gives it a token, and a read that brings it goes
 * where the write is known to have arrived.
 *
 * The token has the highest position that the answering endpoint is known to have said. Of several writes under way at
 * once, clients keep the token that comes last, and that one then speaks for all of them.
 */
export class ReadYourWrites {
  private readonly text: KeyText;
  private readonly attributes: string;
  private readonly history: number;

  constructor(
    private readonly options: ReadYourWritesOptions,
    /** Says whose positions these are. */
    history: string,
    private readonly clock: Clock,
  ) {
    const { carrier, forMs } = options;
    this.text = carrier.kind === 'cookie' ? new CookieText(carrier.name) : new HeaderText(carrier.name);
    this.attributes = `; Max-Age=${Math.ceil(forMs / 1000)}; Path=/; HttpOnly`;
    const hash: Hash64 = { hashHigh: 0, hashLow: 0 };
    hashText(history, hash);
    this.history = hash.hashLow;
  }

  /** What a read has to see; see `PickContext.minPosition`. */
  wanted(head: RequestHead, peer: Peer): number {
    return positionWanted(this.text.read(head, peer), this.history, this.clock.wallMs(), this.options.forMs);
  }

  /** Only of writes. One that failed has nothing to be read. */
  mark({ answeredBy }: Placed, answer: ResponseHead, edits: Edits): void {
    // A call that fails at once says so in its head; of others nobody knows yet.
    if (answer.status >= 400 || (answer.get('grpc-status') ?? '0') !== '0') return;
    const { position, carrier } = this.options;
    const isSaid = position !== null && parsePosition(answer.get(position)) >= 0;
    const token = writeToken(this.clock.wallMs(), isSaid ? (answeredBy?.freshness.position ?? -1) : -1, this.history);
    if (carrier.kind === 'header') edits.set(carrier.name, token);
    else sendCookie(`${carrier.name}=${token}${this.attributes}`, answer, edits);
  }
}
