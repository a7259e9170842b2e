import { createHash, type Hash } from 'node:crypto';
import type { FailureCode } from '../../base/failure.ts';
import type { Client, Peer } from '../../http/conduit.ts';
import type { Fields } from '../../http/fields.ts';
import { NO_GRPC_STATUS } from '../../http/grpc.ts';
import type { RequestCopy } from '../../http/head-copy.ts';
import { OPEN_DOOR } from '../../policy/door.ts';
import { NO_FAULTS } from '../../policy/fault.ts';
import { NO_HEDGE } from '../../policy/hedge.ts';
import { Exchange } from '../exchange.ts';
import type { ExchangeContext } from '../exchange-context.ts';
import { NO_MIRRORS } from '../mirrors.ts';
import type { ExchangeRecord, PlanObserver } from '../observer.ts';
import { NO_FALLBACK, type Plan, type Router } from '../plan.ts';
import type { Replay } from '../replay.ts';

/** A request that is here with all of its body, and with its own copy of everything. */
export interface KeptRequest {
  readonly peer: Peer;
  readonly head: RequestCopy;
  readonly body: Replay;
  readonly trailers: Fields | null;
}

export interface ShadowOwner {
  /** It is over: once, never after `cancel`. */
  onShadowOver(shadow: Shadow): void;
}

/** What is done for clients alone. */
const PLAIN = { faults: NO_FAULTS, fallback: NO_FALLBACK, hedge: NO_HEDGE, mirrors: NO_MIRRORS } as const;

/** The plan of a place for requests whose clients have passed its doors already. */
export function pastDoors(plan: Plan): Plan {
  return { ...plan, door: OPEN_DOOR };
}

/**
 * A request that is sent once more, to another place, for nobody: an exchange without a client, which may outlive the
 * exchange that it repeats. Nothing of its answer is kept but how it ended and, if it is to be compared, its digest.
 *
 * It goes by the rules of its plan, so it counts as in flight there: a stop waits for it, and limits, retries and
 * breakers know of it. It is no request of the client's, so it is in no log and in no metric of requests, and the doors
 * that the client's has passed are not asked again: a second write that a rate limit refuses is one that a place lacks.
 */
export class Shadow implements Client, Router, PlanObserver {
  readonly peer: Peer;
  status = 0;
  /** Why there is no whole answer. */
  code: FailureCode | null = null;
  grpcStatus = NO_GRPC_STATUS;
  isGrpc = false;
  isOver = false;
  private readonly digest: Hash | null;
  private readonly plan: Plan;
  private readonly exchange: Exchange;

  constructor(
    context: ExchangeContext,
    plan: Plan,
    private readonly request: KeptRequest,
    isCompared: boolean,
    private readonly owner: ShadowOwner,
  ) {
    this.peer = request.peer;
    this.plan = { ...plan, ...PLAIN, observer: this };
    this.digest = isCompared ? createHash('sha256') : null;
    this.exchange = new Exchange(context, this, this);
  }

  /** Its request is given whole whatever the endpoint takes of it at once: what is kept of a body is bounded. */
  start(): void {
    const { head, body, trailers } = this.request;
    this.exchange.onRequest(head);
    body.sendTo({ sendBody: (bytes) => this.exchange.onRequestBody(bytes) });
    this.exchange.onRequestEnd(trailers);
  }

  /** Not inside a call of its own. */
  cancel(code: FailureCode): void {
    if (this.isOver) return;
    this.isOver = true;
    this.exchange.onClientGone(code);
  }

  /** Did it end as what changes something should? */
  get isSuccess(): boolean {
    return this.code === null && isSuccess(this);
  }

  /** The whole answer in a few words, or null. */
  print(): string | null {
    return this.code === null && this.digest !== null ? printOf(this, this.digest) : null;
  }

  route(): Plan {
    return this.plan;
  }

  routeTunnel(): null {
    return null;
  }

  // --- From its exchange ---

  sendInterim(): void {}

  sendHead(): void {}

  sendBody(bytes: Buffer): boolean {
    this.digest?.update(bytes);
    return true;
  }

  sendEnd(): void {}

  sendLocal(): void {}

  sendRefusal(): boolean {
    return false;
  }

  resume(): void {}

  finish(): void {
    this.isOver = true;
    this.owner.onShadowOver(this);
  }

  // --- From its plan ---

  onExchangeOpen(): void {}

  onExchangeClose({ status, code, grpcStatus, isGrpc }: ExchangeRecord): void {
    this.status = status;
    this.code = code;
    this.grpcStatus = grpcStatus;
    this.isGrpc = isGrpc;
  }

  onTunnelOpen(): void {}

  onTunnelClose(): void {}

  onRetry(): void {}

  onRetryRefused(): void {}

  onKeyMissing(): void {}
}

/** How an answer ended; of a record, or of what remains of it. */
export type Ending = Pick<ExchangeRecord, 'status' | 'grpcStatus' | 'isGrpc'>;

/** 2xx, or 303, which is how a form is told that it has been taken; or OK for gRPC. */
export function isSuccess({ status, grpcStatus, isGrpc }: Ending): boolean {
  return isGrpc ? grpcStatus === 0 : (status >= 200 && status < 300) || status === 303;
}

/** Two answers are the same when their statuses and all bytes of their bodies are; fields may differ (dates do). */
export function printOf({ status, grpcStatus }: Ending, body: Hash): string {
  return `${status} ${grpcStatus} ${body.digest('base64')}`;
}
