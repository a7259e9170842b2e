import { FAILURES, type FailureCode } from '../../base/failure.ts';
import { failureAnswer } from '../../http/answer.ts';
import type { Client, RequestHandler } from '../../http/conduit.ts';
import { Edits } from '../../http/edits.ts';
import type { Fields } from '../../http/fields.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import { RequestCopy } from '../../http/head-copy.ts';
import { makeRequestId } from '../../http/request-id.ts';
import { sendCookie } from '../../http/set-cookie.ts';
import { traceparentOf } from '../../http/trace-context.ts';
import { Visit } from '../../policy/door.ts';
import { type Evidence, NO_EVIDENCE } from '../../policy/evidence.ts';
import type { ExchangeContext } from '../exchange-context.ts';
import { editRetryAfter } from '../forward.ts';
import { Journal } from '../journal.ts';
import { NO_MIRRORS } from '../mirrors.ts';
import type { AttemptRecord, ExchangeRecord, RetryRefusal } from '../observer.ts';
import type { Broadcast, Plan } from '../plan.ts';
import type { Routed } from '../routed.ts';
import type { Handover } from './handover.ts';
import { Leg, type LegOwner } from './leg.ts';

/** More places than this a request is never sent to: each costs an exchange, and a place in its cluster's limit. */
export const MAX_PLACES = 64;

/**
 * A broadcast: one request without a body to several places at once, and one answer.
 *
 *     first   the first success is the answer, and the others are given up. Without any, the best failure is: what an
 *             endpoint said, 4xx before 5xx, and only then a failure of our own, the main place's.
 *     all     the main place's answer is held back until every place has shown the head of a success. One failure is a
 *             failure of the whole, and the others are given up.
 *
 * To its client, to observers and at the door it is one request: one record, with the attempts of all its legs, and one
 * token of a rate limit, however many places there are. At most one answer
 * is held back at a time, and its endpoint is stopped meanwhile. Made for one request; it is over for its client before
 * its last leg is, and on record when that is.
 */
export class Scatter implements RequestHandler, LegOwner {
  private readonly legs: readonly Leg[];
  private readonly journal: Journal;
  private readonly tried = { list: [] as AttemptRecord[], count: 0, answering: null };
  /** Legs without a head or a failure. */
  private waiting: number;
  /** Legs whose exchange has begun and is not closed. */
  private open = 0;
  /** Its answer is held back, or passes through. */
  private favourite: Leg | null = null;
  /** The one whose call is being answered. */
  private inside: Leg | null = null;
  private failure: FailureCode | null = null;
  private readonly visit = new Visit();
  private hasEntered = false;
  private isOver = false;
  private isRecorded = false;

  constructor(
    private readonly context: ExchangeContext,
    private readonly client: Client,
    private readonly broadcast: Broadcast,
    private readonly routed: Routed,
    private readonly owner: Handover,
  ) {
    const { main, others } = broadcast;
    this.legs = [main, ...others.map(unmirrored)].map((plan) => new Leg(context, client.peer, plan, this));
    this.waiting = this.legs.length;
    this.journal = new Journal(client.peer, this.tried);
  }

  // --- From the client ---

  onRequest(head: RequestHead): void {
    const { journal } = this;
    const { clock, random } = this.context;
    const { labels, observer, sampleRatio, criticality, door, effects } = this.broadcast.main;
    const now = clock.now();
    journal.trace.continueOrBegin(head.get('traceparent'), sampleRatio, random);
    journal.requestId = head.get('x-request-id') ?? makeRequestId(random);
    const edits = new Edits();
    // What legs do is one trace, and one request in every log.
    edits.set('x-request-id', journal.requestId);
    edits.set('traceparent', traceparentOf(journal.trace.traceId, journal.trace.spanId, journal.trace.isSampled));
    if (!journal.trace.isContinued) edits.remove('tracestate');
    const copy = new RequestCopy(head, edits);
    journal.begin(copy, labels, now);
    journal.effects = effects;
    journal.overrideOf = this.routed.overrideOf;
    observer.onExchangeOpen(now);
    criticality.read(copy, this.visit);
    const turnedAway = door.enter(copy, this.client.peer, this.visit, now);
    if (turnedAway !== null) return this.fail(turnedAway);
    this.hasEntered = true;
    for (const leg of this.legs) {
      if (this.isOver) return;
      this.open += 1;
      leg.begin(copy);
    }
  }

  /** It has none: see `Dispatcher`. */
  onRequestBody(): boolean {
    return true;
  }

  onRequestEnd(trailers: Fields | null): void {
    for (const leg of this.legs) if (!this.isOver) leg.endRequest(trailers);
  }

  onClientDrain(): void {
    this.favourite?.drain();
  }

  onClientGone(code: FailureCode): void {
    if (this.isOver) return;
    this.journal.code = code;
    this.close(code);
  }

  // --- From its legs ---

  onLegHead(leg: Leg, head: ResponseHead, edits: Edits): void {
    this.inside = leg;
    this.waiting -= 1;
    if (this.broadcast.kind === 'all') this.gather(leg, head, edits);
    else this.compare(leg, head, edits);
    if (!this.isOver && this.waiting === 0) this.settle();
    this.inside = null;
  }

  onLegFailed(leg: Leg): void {
    if (this.isOver) return;
    if (leg === this.favourite) this.favourite = null;
    else this.waiting -= 1;
    if (this.failure === null || leg === this.legs[0]) this.failure = leg.code;
    if (this.broadcast.kind === 'all') this.fail('broadcast_incomplete');
    else if (this.waiting === 0) this.settle();
  }

  onLegBody(bytes: Buffer): boolean {
    this.journal.responseBytes += bytes.length;
    return this.client.sendBody(bytes);
  }

  onLegEnd(trailers: Fields | null): void {
    this.client.sendEnd(trailers);
  }

  onLegDone(leg: Leg, intact: boolean): void {
    if (this.isOver) return;
    this.journal.code = leg.code;
    this.close('superseded');
    this.owner.onOver();
    this.client.finish(intact);
  }

  onLegClosed({ attempts, attemptCount }: ExchangeRecord): void {
    for (let i = 0; i < attemptCount; i++) this.tried.list.push(attempts[i]!);
    this.tried.count += attemptCount;
    this.open -= 1;
    this.record();
  }

  onLegRetry(record: AttemptRecord): void {
    this.broadcast.main.observer.onRetry(record);
  }

  onLegRetryRefused(why: RetryRefusal): void {
    this.broadcast.main.observer.onRetryRefused(why);
  }

  // --- Which answer ---

  private gather(leg: Leg, head: ResponseHead, edits: Edits): void {
    if (!isSuccess(head.status)) return this.fail('broadcast_incomplete');
    if (leg !== this.legs[0]) return leg.ignore();
    leg.keep(head, edits);
    this.favourite = leg;
  }

  private compare(leg: Leg, head: ResponseHead, edits: Edits): void {
    const { favourite } = this;
    if (favourite !== null && !isBetter(head.status, favourite.status)) return leg.ignore();
    favourite?.giveUp('superseded');
    leg.keep(head, edits);
    this.favourite = leg;
    if (isSuccess(head.status)) this.waiting = 0;
  }

  /** Nothing that is still to come could change the answer. */
  private settle(): void {
    if (this.favourite === null) return this.fail(this.failure ?? 'internal_error');
    this.journal.answer(this.favourite.status, null, this.context.clock.now());
    if (this.broadcast.kind === 'first') this.giveUpBut(this.favourite, 'superseded');
    const edits = new Edits();
    if (this.visit.isMarked) this.broadcast.main.door.mark(this.visit, edits);
    // What its route changes else, the leg has changed in its own answer.
    if (this.routed.setCookie !== null) sendCookie(this.routed.setCookie, this.favourite.answer, edits);
    this.favourite.release(this.client, edits);
  }

  // --- The ways out ---

  private fail(code: FailureCode): void {
    this.journal.answer(FAILURES[code].status, code, this.context.clock.now());
    this.close('superseded');
    const edits = new Edits();
    const { visit } = this;
    const { effects } = this.journal;
    edits.append('x-request-id', this.journal.requestId);
    if (visit.retryAfterMs >= 0) editRetryAfter(edits, visit.retryAfterMs, false);
    if (visit.isMarked) this.broadcast.main.door.mark(visit, edits);
    if (this.routed.setCookie !== null) edits.append('set-cookie', this.routed.setCookie);
    if (effects.marksAnswers) effects.editAnswer(this.journal, null, edits);
    this.client.sendLocal(failureAnswer(code), edits);
    this.owner.onOver();
    this.client.finish(true);
  }

  /** Closes the books as far as legs have closed theirs; the client is told by whoever calls. */
  private close(code: FailureCode): void {
    this.isOver = true;
    this.journal.endedAt = this.context.clock.now();
    this.giveUpBut(null, code);
    this.record();
  }

  private giveUpBut(chosen: Leg | null, code: FailureCode): void {
    for (const leg of this.legs) {
      if (leg === chosen || leg.isUnwanted) continue;
      if (leg === this.inside) leg.ignore();
      else leg.giveUp(code);
    }
  }

  private record(): void {
    if (!this.isOver || this.open > 0 || this.isRecorded) return;
    this.isRecorded = true;
    const { door, observer } = this.broadcast.main;
    if (this.hasEntered) door.leave(this.visit, this.evidence(), this.context.clock.now());
    observer.onExchangeClose(this.journal);
  }

  /** Of the whole: for the first answer one success is one, and for all one failure is one. */
  private evidence(): Evidence {
    const { list } = this.tried;
    const decisive = this.broadcast.kind === 'first' ? 'success' : 'failure';
    const found = list.find(({ outcome }) => outcome === decisive) ?? list.find(({ outcome }) => outcome !== 'ignored');
    return found ?? NO_EVIDENCE;
  }
}

/** A request is copied once, however many places it goes to. */
function unmirrored(plan: Plan): Plan {
  return { ...plan, mirrors: NO_MIRRORS };
}

function isSuccess(status: number): boolean {
  return status < 400;
}

/** 2xx and 3xx, then what the endpoint says of the request, then what it says of itself. */
function isBetter(status: number, than: number): boolean {
  return rankOf(status) < rankOf(than);
}

function rankOf(status: number): number {
  return Math.max(3, Math.floor(status / 100));
}
