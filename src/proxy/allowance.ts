import type { Edits } from '../http/edits.ts';
import { formatGrpcTimeout, parseGrpcTimeout } from '../http/grpc.ts';
import type { RequestHead } from '../http/head.ts';
import type { TimeoutOptions } from '../policy/options.ts';
import type { Due } from '../policy/pace.ts';

export const NO_DEADLINE = Number.POSITIVE_INFINITY;

/** Eleven days. Who says more means none. */
const MAX_DIGITS = 9;

const OWN = 'x-remora-deadline-ms';
const EXPECTED = 'x-envoy-expected-rq-timeout-ms';
const WISHED = 'x-envoy-upstream-rq-timeout-ms';
const WISHED_PER_TRY = 'x-envoy-upstream-rq-per-try-timeout-ms';

/**
 * How long one exchange may take: what its plan gives, and less where its caller says so.
 *
 * A deadline only ever gets shorter, whoever speaks of it. So it is believed of anybody: who lies fails requests of its
 * own. There are two kinds. A deadline (`grpc-timeout` of a call, `x-remora-deadline-ms` of anything) is an instant,
 * and runs from the beginning; the others are Envoy's and mean what `timeouts.request` and `timeouts.attempt` mean, the
 * first from the end of the request. What cannot be read is nobody's deadline and is passed on as it is.
 *
 * Each attempt tells the next server what is left, rounded down: a hop takes and never gives. The plan's own bound is
 * told as a deadline only of a request that is complete, since it has not begun before.
 */
export class Allowance implements Due {
  /** When the caller gives up. */
  deadlineAt = NO_DEADLINE;
  /** From the end of the request; 0: no bound. */
  requestMs = 0;
  /** 0: no bound. */
  attemptMs = 0;
  /** Is it less than the plan gives? */
  isShort = false;
  private hasWish = false;

  read(head: RequestHead, isGrpc: boolean, timeouts: TimeoutOptions, now: number): void {
    this.deadlineAt = NO_DEADLINE;
    this.requestMs = timeouts.requestMs;
    this.attemptMs = timeouts.attemptMs;
    this.isShort = false;
    this.hasWish = false;
    if (isGrpc) this.readCall(head.get('grpc-timeout'), now);
    const own = readMs(head.get(OWN));
    if (own >= 0) {
      this.deadlineAt = Math.min(this.deadlineAt, now + own);
      this.isShort ||= this.requestMs === 0 || own < this.requestMs;
    } else {
      // Beside ours it says the same, or what an attempt has where ours says what all of them have.
      this.shorten(readMs(head.get(EXPECTED)));
    }
    const wished = readMs(head.get(WISHED));
    const wishedPerTry = readMs(head.get(WISHED_PER_TRY));
    this.hasWish = wished >= 0 || wishedPerTry >= 0;
    this.shorten(wished);
    if (wishedPerTry > 0) this.attemptMs = lesser(this.attemptMs, wishedPerTry);
  }

  /** A call has its caller's deadline alone: a stream may last beyond what bounds its head. */
  tellCall(edits: Edits, now: number): void {
    if (this.hasWish) this.dropWishes(edits);
    if (this.deadlineAt === NO_DEADLINE) return;
    edits.set('grpc-timeout', formatGrpcTimeout(Math.max(1, Math.floor(this.deadlineAt - now))));
    edits.remove(OWN);
    edits.remove(EXPECTED);
  }

  /** `leftMs` 0: no bound has begun. */
  tell(edits: Edits, leftMs: number, isComplete: boolean, plan: PlanTexts): void {
    if (this.hasWish) this.dropWishes(edits);
    if (leftMs > 0) {
      const wholeMs = lesser(this.requestMs, leftMs);
      edits.set(OWN, String(isComplete ? wholeMs : leftMs));
      edits.set(EXPECTED, String(lesser(this.attemptMs, wholeMs)));
    } else if (this.requestMs > 0) {
      const isPlans = !this.isShort && !this.hasWish;
      if (isComplete) edits.set(OWN, isPlans ? plan.request : String(this.requestMs));
      edits.set(EXPECTED, isPlans ? plan.expected : String(lesser(this.attemptMs, this.requestMs)));
    }
  }

  /** They were for this hop. */
  private dropWishes(edits: Edits): void {
    edits.remove(WISHED);
    edits.remove(WISHED_PER_TRY);
  }

  private readCall(text: string | null, now: number): void {
    const timeoutMs = text === null ? -1 : parseGrpcTimeout(text);
    if (timeoutMs < 0) return;
    this.deadlineAt = now + timeoutMs;
    this.isShort = true;
  }

  /** 0 is how Envoy says that there is no bound, which is not for a caller to say. */
  private shorten(ms: number): void {
    if (ms <= 0 || (this.requestMs > 0 && ms >= this.requestMs)) return;
    this.requestMs = ms;
    this.isShort = true;
  }
}

/** What a plan's timeouts are as texts, so that they are not made for each request. */
export interface PlanTexts {
  readonly request: string;
  readonly expected: string;
}

export function textsOf({ requestMs, attemptMs }: TimeoutOptions): PlanTexts {
  return { request: String(requestMs), expected: String(lesser(attemptMs, requestMs)) };
}

/** Where 0 is no bound. */
function lesser(a: number, b: number): number {
  return a > 0 && a < b ? a : b;
}

/** -1 when it is absent or no number of milliseconds. */
function readMs(text: string | null): number {
  if (text === null || text.length === 0 || text.length > MAX_DIGITS) return -1;
  let ms = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    ms = ms * 10 + digit;
  }
  return ms;
}
