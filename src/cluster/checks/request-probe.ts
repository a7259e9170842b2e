import { FAILURES, type FailureCode } from '../../base/failure.ts';
import type { Connector, ResponseHandler, Upstream } from '../../http/conduit.ts';
import { NO_EDITS } from '../../http/edits.ts';
import type { Fields } from '../../http/fields.ts';
import { grpcStatusOf, NO_GRPC_STATUS } from '../../http/grpc.ts';
import type { RequestHead, ResponseHead } from '../../http/head.ts';
import { NO_CONNECTION } from '../../http/no-connection.ts';
import type { IdentityOptions } from './options.ts';
import { type Probe, type ProbeOwner, unreachable, type Verdict, WITHDRAWAL_FIELD } from './prober.ts';

/** What is asked, the same at every check. */
export interface CheckRequest {
  readonly head: RequestHead;
  readonly body: Buffer | null;
  /** Bytes of the answer's body that `judge` wants to see. */
  readonly keepBytes: number;
  judge(answer: CheckAnswer): Verdict;
}

export interface CheckAnswer {
  readonly status: number;
  readonly grpcStatus: number;
  /** The beginning of it. */
  readonly body: Buffer;
}

/** An answer is read to its end if it is not longer, so that its connection can be used again. */
const MAX_READ_BYTES = 65_536;
/** Of a stranger's name, in what people read. */
const MAX_NAME_LENGTH = 64;

/**
 * A request of our own to an endpoint, on a connection of its pool as requests have them: what has to work for requests
 * is what is checked. A pooled connection may have died as it was taken, which says nothing; then it is a new one.
 */
export class RequestProbe implements Probe, ResponseHandler {
  private upstream!: Upstream;
  private isFresh = false;
  private isOver = false;
  private status = 0;
  private grpcStatus = NO_GRPC_STATUS;
  private isNamed = false;
  isAsked = true;
  private readBytes = 0;
  private kept: Buffer[] = [];
  private keptBytes = 0;

  constructor(
    private readonly connector: Connector,
    private readonly request: CheckRequest,
    private readonly identity: IdentityOptions | null,
    private readonly owner: ProbeOwner,
  ) {
    this.ask();
  }

  abandon(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.upstream.abort();
  }

  onConnected(): void {
    if (this.isOver) return;
    const { head, body } = this.request;
    this.upstream.sendHead(head, NO_EDITS);
    if (body !== null) this.upstream.sendBody(body);
    this.upstream.sendEnd(null);
  }

  onInterim(): void {}

  onHead(head: ResponseHead): void {
    if (this.isOver) return;
    const name = this.identity === null ? null : head.get(this.identity.header);
    this.isNamed = name !== null;
    if (name !== null && !this.identity!.services.includes(name))
      return this.cut(stranger(`is ${name.slice(0, MAX_NAME_LENGTH)}`));
    if (head.get(WITHDRAWAL_FIELD) !== null) {
      return this.cut({ result: 'withdrawn', why: `says ${WITHDRAWAL_FIELD}`, isFinal: true });
    }
    this.status = head.status;
    this.grpcStatus = grpcStatusOf(head);
  }

  onBody(bytes: Buffer): boolean {
    if (this.isOver) return true;
    this.readBytes += bytes.length;
    const wanted = bytes.subarray(0, this.request.keepBytes - this.keptBytes);
    if (wanted.length > 0) this.kept.push(Buffer.from(wanted));
    this.keptBytes += wanted.length;
    if (this.readBytes > MAX_READ_BYTES) this.cut(this.judged());
    return true;
  }

  onEnd(trailers: Fields | null): void {
    if (this.isOver) return;
    if (trailers !== null && this.grpcStatus === NO_GRPC_STATUS) this.grpcStatus = grpcStatusOf(trailers);
    this.conclude(this.judged());
  }

  onFailure(code: FailureCode): void {
    if (this.isOver) return;
    if (FAILURES[code].blame === 'local') return this.withhold();
    if (FAILURES[code].retry !== 'fresh' || this.isFresh) return this.conclude(unreachable(FAILURES[code].meaning));
    this.isFresh = true;
    this.ask();
  }

  onUpstreamDrain(): void {}

  private ask(): void {
    this.upstream = this.connector.acquire(this, this.isFresh, this.request.head.version, this.owner.now);
    if (this.upstream === NO_CONNECTION) return this.withhold();
    if (this.upstream.isReady) this.onConnected();
  }

  private withhold(): void {
    this.isOver = true;
    this.isAsked = false;
  }

  /** A bad answer says more than that nobody has signed it: a sidecar without its application does not. */
  private judged(): Verdict {
    const { status, grpcStatus, kept, identity } = this;
    const verdict = this.request.judge({ status, grpcStatus, body: Buffer.concat(kept) });
    if (verdict.result !== 'passed' || identity === null || this.isNamed) return verdict;
    return stranger(`does not say ${identity.header}`);
  }

  /** The rest of the answer is not wanted. */
  private cut(verdict: Verdict): void {
    this.upstream.abort();
    this.conclude(verdict);
  }

  private conclude(verdict: Verdict): void {
    this.isOver = true;
    this.owner.onVerdict(verdict);
  }
}

function stranger(why: string): Verdict {
  return { result: 'stranger', why, isFinal: true };
}
