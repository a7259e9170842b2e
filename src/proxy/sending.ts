import type { Client } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import { FieldList, type Fields } from '../http/fields.ts';
import type { Visit } from '../policy/door.ts';
import type { Allowance } from './allowance.ts';
import type { Attempt } from './attempt.ts';
import { editRequest } from './forward.ts';
import { editCall } from './grpc-call.ts';
import type { Journal } from './journal.ts';
import type { Plan } from './plan.ts';
import type { Replay } from './replay.ts';
import type { TimeBounds } from './time-bounds.ts';

/**
 * The request of one exchange on its way to endpoints. What comes of it goes on at once to an attempt that has its
 * head, and is kept beside as long as another attempt may need it; what comes while there is none is kept whatever its
 * size, and its client paused. Each attempt is told the time that is left when it is sent.
 */
export class Sending {
  /** The client has sent all of it. */
  isDone = false;
  /** The endpoint takes no more for now. */
  isFull = false;
  private trailers: Fields | null = null;

  constructor(
    private readonly client: Client,
    private readonly journal: Journal,
    private readonly replay: Replay,
    private readonly allowance: Allowance,
    private readonly bounds: TimeBounds,
    private readonly visit: Visit,
    private readonly edits: Edits,
    private readonly instanceId: string,
  ) {}

  reset(): void {
    this.isDone = false;
    this.isFull = false;
    this.trailers = null;
  }

  /** More of the body, for an attempt that has its head. False: no more for now. */
  pass(bytes: Buffer, attempt: Attempt): boolean {
    this.isFull = !attempt.upstream.sendBody(bytes);
    return !this.isFull;
  }

  /** That was all of it; an attempt that has its head has the rest now. */
  finish(trailers: Fields | null, attempt: Attempt | null, now: number): void {
    if (trailers !== null) this.trailers = FieldList.copyOf(trailers);
    if (attempt?.isSent) this.sendEnd(attempt, now);
  }

  /** All that is here, to an attempt that is connected. */
  send(attempt: Attempt, plan: Plan, now: number): void {
    const { edits, journal, replay } = this;
    const { upstream } = attempt;
    editRequest(edits, journal, attempt, plan.trustsPeer, this.instanceId);
    plan.criticality.pass(this.visit, edits);
    journal.effects.editRequest(journal, edits);
    if (journal.isGrpc) editCall(edits, journal, attempt.mark - 1);
    this.tellTime(plan, now);
    upstream.sendHead(journal.head, edits);
    attempt.isSent = true;
    const hasRoom = replay.sendTo(upstream);
    this.isFull = !hasRoom;
    if (this.isDone) this.sendEnd(attempt, now);
    else if (hasRoom && replay.size > 0) this.client.resume();
  }

  /** Is it the client that an attempt has nothing to do for? */
  awaitsClient(attempt: Attempt | null): boolean {
    return !this.isDone && !this.isFull && attempt !== null && attempt.isSent;
  }

  private tellTime(plan: Plan, now: number): void {
    const { allowance, edits, journal, bounds } = this;
    if (journal.isGrpc) return allowance.tellCall(edits, now);
    const isComplete = this.isDone || journal.head.body === 'none';
    allowance.tell(edits, bounds.tellableMs(now), isComplete, plan.timeTexts);
  }

  private sendEnd(attempt: Attempt, now: number): void {
    attempt.upstream.sendEnd(this.trailers);
    attempt.sentAt = now;
  }
}
