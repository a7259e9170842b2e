import type { FailureCode } from '../../base/failure.ts';
import type { Client, RequestHandler } from '../../http/conduit.ts';
import type { Fields } from '../../http/fields.ts';
import type { RequestHead } from '../../http/head.ts';
import { isSafe } from '../../policy/classify.ts';
import { Exchange } from '../exchange.ts';
import type { ExchangeContext } from '../exchange-context.ts';
import { isLoop, maxForwardsOf } from '../forward.ts';
import { isCall } from '../grpc-call.ts';
import type { Broadcast, Plan, Router, Spread } from '../plan.ts';
import type { Handover } from './handover.ts';
import { MAX_PLACES, Scatter } from './scatter.ts';
import type { Shadows } from './shadows.ts';
import { Twin } from './twin.ts';

/**
 * Takes the requests of one outbound connection, or of one stream, and asks for each whether its plan wants it in
 * several places. Nearly none does, and goes through the one exchange that is kept for all of them, at the price of a
 * call.
 *
 * It stands before every exchange whose plan may come to have a spreader: a connection outlives configurations, and a
 * write that should go to two places from now on must not go to one because its connection is older.
 */
export class Dispatcher implements RequestHandler, Router, Handover {
  private plan: Plan | null = null;
  private readonly exchange: Exchange;
  /** Who has the request; the exchange between requests. */
  private current: RequestHandler;

  constructor(
    private readonly context: ExchangeContext,
    private readonly router: Router,
    private readonly client: Client,
    private readonly shadows: Shadows,
  ) {
    this.exchange = new Exchange(context, this, client);
    this.current = this.exchange;
  }

  onRequest(head: RequestHead): void {
    this.plan = this.router.route(head, this.client.peer, this.exchange.routed);
    const spread = this.plan === null || this.plan.spreader === null ? null : this.spreadOf(this.plan, head);
    this.current = spread === null ? this.exchange : this.handlerOf(spread, head);
    this.current.onRequest(head);
  }

  onRequestBody(bytes: Buffer): boolean {
    return this.current.onRequestBody(bytes);
  }

  onRequestEnd(trailers: Fields | null): void {
    this.current.onRequestEnd(trailers);
  }

  onClientDrain(): void {
    this.current.onClientDrain();
  }

  onClientGone(code: FailureCode): void {
    this.current.onClientGone(code);
    this.onOver();
  }

  /** Who was made for one request is done with it, and is let go. */
  onOver(): void {
    this.current = this.exchange;
    this.exchange.routed.reset();
  }

  // --- As the router of its exchange: a request is routed once ---

  route(): Plan | null {
    return this.plan;
  }

  routeTunnel(): null {
    return null;
  }

  /**
   * Requests that end here are one exchange's business: loops, OPTIONS that may go no further, and what a route answers.
   */
  private spreadOf({ spreader, effects }: Plan, head: RequestHead): Spread | null {
    if (isLoop(head, this.context.instanceId)) return null;
    if (head.method === 'OPTIONS' && maxForwardsOf(head) === 0) return null;
    if (effects.answer(head, this.client.peer) !== null) return null;
    return spreader!.spread(head, this.client.peer);
  }

  private handlerOf(spread: Spread, head: RequestHead): RequestHandler {
    const { context, client, shadows } = this;
    const { routed } = this.exchange;
    if (isBroadcast(spread)) {
      const isFit =
        isSafe(head.method) && head.body === 'none' && head.upgrade === null && spread.others.length < MAX_PLACES;
      return isFit ? new Scatter(context, client, spread, routed, this) : this.exchange;
    }
    const isFit = spread.kind === 'dual_write' ? !isSafe(head.method) : isSafe(head.method) || isCall(head);
    if (isFit && head.upgrade === null) return new Twin(context, client, spread, shadows, routed, this);
    this.plan = spread.main;
    return this.exchange;
  }
}

function isBroadcast(spread: Spread): spread is Broadcast {
  return spread.kind === 'first' || spread.kind === 'all';
}
