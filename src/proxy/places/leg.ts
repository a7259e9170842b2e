import { Timer, type TimerOwner } from '../../base/clock.ts';
import type { FailureCode } from '../../base/failure.ts';
import type { LocalAnswer } from '../../http/answer.ts';
import type { Client, Peer } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import { FieldList, type Fields } from '../../http/fields.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import { ResponseCopy } from '../../http/head-copy.ts';
import { OPEN_DOOR } from '../../policy/door.ts';
import { Exchange } from '../exchange.ts';
import type { ExchangeContext } from '../exchange-context.ts';
import type { AttemptRecord, ExchangeRecord, PlanObserver, RetryRefusal } from '../observer.ts';
import { NO_FALLBACK, type Plan, type Router } from '../plan.ts';

/** The scatter as a leg sees it. */
export interface LegOwner {
  /** The head of an endpoint's answer; it is kept if `keep` is called before this returns. */
  onLegHead(leg: Leg, head: ResponseHead, edits: Edits): void;
  /** It has nothing for the client, or has lost what it had. */
  onLegFailed(leg: Leg): void;
  /** Bytes of the answer that was chosen. */
  onLegBody(bytes: Buffer): boolean;
  onLegEnd(trailers: Fields | null): void;
  /** The answer that was chosen is over. */
  onLegDone(leg: Leg, intact: boolean): void;
  onLegClosed(record: ExchangeRecord): void;
  onLegRetry(record: AttemptRecord): void;
  onLegRetryRefused(why: RetryRefusal): void;
}

/**
 * `waiting`: no head yet. `kept`: its answer is held back, the endpoint's bytes with it. `chosen`: it passes through.
 * `unwanted`: it is read away.
 */
type LegState = 'unsent' | 'waiting' | 'kept' | 'chosen' | 'unwanted' | 'over';

/**
 * An answer that nobody wants is read to its end if it is this small and this quick, so that its connection can be used
 * again, and so that it counts for or against its endpoint.
 */
const MAX_UNWANTED_BYTES = 16_384;
const MAX_UNWANTED_MS = 1_000;

/**
 * One place of a request that goes to several: an exchange of its own under a plan of its own, and its client. The
 * scatter has passed the door for all of them.
 *
 * A leg must not be given up inside its own call, since its exchange is still at work there (see `conduit.ts`): it is
 * ignored then, until it ends or is given up in an event of its own.
 */
export class Leg implements Client, Router, PlanObserver, TimerOwner {
  /** Why it has no answer. */
  code: FailureCode | null = null;
  /** Of the answer that is kept. */
  status = 0;
  private state: LegState = 'unsent';
  private readonly exchange: Exchange;
  private readonly plan: Plan;
  private readonly timer = new Timer(this);
  private head: ResponseCopy | null = null;
  private readonly pieces: Buffer[] = [];
  private isEnded = false;
  private trailers: Fields | null = null;
  private isDone = false;
  private unwantedBytes = 0;

  constructor(
    private readonly context: ExchangeContext,
    readonly peer: Peer,
    plan: Plan,
    private readonly owner: LegOwner,
  ) {
    this.plan = { ...plan, door: OPEN_DOOR, fallback: NO_FALLBACK, observer: this };
    this.exchange = new Exchange(context, this, this);
  }

  route(): Plan {
    return this.plan;
  }

  routeTunnel(): null {
    return null;
  }

  // --- From the scatter ---

  begin(head: RequestHead): void {
    this.state = 'waiting';
    this.exchange.onRequest(head);
  }

  endRequest(trailers: Fields | null): void {
    if (this.state !== 'unsent') this.exchange.onRequestEnd(trailers);
  }

  /** Holds the answer back; only from `onLegHead`. */
  keep(head: ResponseHead, edits: Edits): void {
    this.state = 'kept';
    this.status = head.status;
    this.head = new ResponseCopy(head, edits);
  }

  /** The head that is held back. */
  get answer(): ResponseHead | null {
    return this.head;
  }

  /** Its answer is the one: what is kept of it goes out, and the rest follows as it comes. */
  release(client: Client, edits: Edits): void {
    this.state = 'chosen';
    client.sendHead(this.head!, edits);
    let hasRoom = true;
    for (const piece of this.pieces) hasRoom = this.owner.onLegBody(piece);
    const wasPaused = this.pieces.length > 0;
    this.pieces.length = 0;
    if (this.isEnded) this.owner.onLegEnd(this.trailers);
    if (this.isDone) {
      this.state = 'over';
      this.owner.onLegDone(this, true);
    } else if (wasPaused && hasRoom) this.exchange.onClientDrain();
  }

  get isUnwanted(): boolean {
    return this.state === 'unwanted';
  }

  drain(): void {
    if (this.state === 'chosen') this.exchange.onClientDrain();
  }

  /** What it has begun to say is not for the client, and is read away if it is small and quick. */
  ignore(): void {
    this.state = 'unwanted';
    const { clock } = this.context;
    if (!this.timer.isArmed) clock.arm(this.timer, clock.now() + MAX_UNWANTED_MS);
  }

  /** Not inside its own call. */
  giveUp(code: FailureCode): void {
    const wasOpen = this.state !== 'unsent' && this.state !== 'over' && !this.isDone;
    this.state = 'over';
    this.pieces.length = 0;
    this.context.clock.disarm(this.timer);
    if (wasOpen) this.exchange.onClientGone(code);
  }

  onTimer(): void {
    try {
      this.giveUp('superseded');
    } catch (error) {
      this.context.observer.onBug(error);
    }
  }

  // --- From its exchange ---

  /** Early hints of several places are none. */
  sendInterim(): void {}

  sendHead(head: ResponseHead, edits: Edits): void {
    this.owner.onLegHead(this, head, edits);
  }

  sendBody(bytes: Buffer): boolean {
    if (this.state === 'chosen') return this.owner.onLegBody(bytes);
    if (this.state === 'kept') this.pieces.push(Buffer.from(bytes));
    else if (this.state === 'unwanted') return this.readAway(bytes.length);
    return false;
  }

  sendEnd(trailers: Fields | null): void {
    if (this.state === 'chosen') return this.owner.onLegEnd(trailers);
    this.isEnded = true;
    this.trailers = trailers === null ? null : FieldList.copyOf(trailers);
  }

  sendLocal(_answer: LocalAnswer): void {}

  sendRefusal(): boolean {
    return false;
  }

  resume(): void {}

  finish(intact: boolean): void {
    const { state } = this;
    if (state === 'kept' && intact) {
      this.isDone = true;
      return;
    }
    this.state = 'over';
    this.context.clock.disarm(this.timer);
    if (state === 'chosen') this.owner.onLegDone(this, intact);
    else if (state === 'waiting' || state === 'kept') this.owner.onLegFailed(this);
  }

  private readAway(bytes: number): boolean {
    this.unwantedBytes += bytes;
    if (this.unwantedBytes <= MAX_UNWANTED_BYTES) return true;
    const { clock } = this.context;
    clock.arm(this.timer, clock.now());
    return false;
  }

  // --- From its plan: the scatter is what observers see ---

  onExchangeOpen(): void {}

  onExchangeClose(record: ExchangeRecord): void {
    this.code = record.code;
    this.owner.onLegClosed(record);
  }

  onTunnelOpen(): void {}

  onTunnelClose(): void {}

  onRetry(record: AttemptRecord): void {
    this.owner.onLegRetry(record);
  }

  onRetryRefused(why: RetryRefusal): void {
    this.owner.onLegRetryRefused(why);
  }

  /** It is asked everywhere because it has no key, which the shards count. */
  onKeyMissing(): void {}
}
