import { FAILURE_CODES, FAILURES, type FailureCode } from '../base/failure.ts';
import type { Edits } from '../http/edits.ts';
import type { Fields } from '../http/fields.ts';
import type { TraceIds } from '../http/trace-context.ts';

/**
 * How the sidecar before an application says that it refused a request which the application has not seen, so that its
 * caller may send it elsewhere whatever the method: `x-remora-failure` is why, and `x-remora-refused` proves it by the
 * id of the span that the request was sent with. What an application passes on of somebody else's answer has another
 * id, and inbound lets neither field of an application's own through.
 */
const CODE = 'x-remora-failure';
const PROOF = 'x-remora-refused';
/** `no`: whoever asked should not ask again, since it was tried again further down. */
export const RETRY_FIELD = 'x-remora-retry';

const CODES: ReadonlySet<string> = new Set(FAILURE_CODES);

/** Why it was refused there; null of an answer that proves nothing. `spanId`: of the attempt that it answers. */
export function refusalOf(answer: Fields, spanId: string): FailureCode | null {
  const proof = answer.get(PROOF);
  if (proof === null || proof !== spanId) return null;
  const code = answer.get(CODE);
  return code !== null && CODES.has(code) && !FAILURES[code as FailureCode].reached
    ? (code as FailureCode)
    : 'refused_unseen';
}

/** Signs a refusal of our own, where another instance may have room for what this one has not. */
export function proveRefusal(edits: Edits, code: FailureCode, { parentSpanId }: TraceIds): void {
  if (parentSpanId !== '' && isDifferentElsewhere(code)) edits.append(PROOF, parentSpanId);
}

/**
 * Not what the client did wrong, what was denied on purpose (a rate limit, a fault), a deadline that is too short, or a
 * place that nobody knows: sent elsewhere, that would only be refused again.
 */
function isDifferentElsewhere(code: FailureCode): boolean {
  const { blame, reached, status, proxyStatus } = FAILURES[code];
  if (reached || blame === 'client' || proxyStatus === 'http_request_denied') return false;
  return status === 503 || (status === 504 && blame === 'upstream');
}

/** Leaves out what an application must not say in our name. */
export function dropClaims(edits: Edits): void {
  edits.remove(CODE);
  edits.remove(PROOF);
}
