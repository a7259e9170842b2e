import type { Edits } from '../http/edits.ts';
import type { RequestHead } from '../http/head.ts';
import { attemptOf, markState } from '../http/retry-mark.ts';
import { traceparentOf } from '../http/trace-context.ts';
import type { Attempt } from './attempt.ts';
import type { Journal } from './journal.ts';

/** By which a copy is known to whoever gets it: the name of its route. What has it is not copied again. */
export const MIRROR_FIELD = 'x-remora-mirror';

/**
 * The fields that a request gains and loses on its way to an endpoint; anew for each attempt. `trustsPeer`: fields
 * named `x-remora-*` that the client sent are believed, and passed on. `instanceId`: by which this sidecar knows its
 * own requests again.
 */
export function editRequest(
  edits: Edits,
  journal: Journal,
  attempt: Attempt,
  trustsPeer: boolean,
  instanceId: string,
): void {
  const { head, labels, peer, trace } = journal;
  edits.reset();
  edits.removesOwn = !trustsPeer;
  if (!trustsPeer) passMirrorMark(head, edits);
  // HTTP/1.0 may leave it out, and HTTP/1.1 may not.
  if (head.authority === '') edits.append('host', labels.upstream);

  const forwardedFor = head.get('x-forwarded-for');
  edits.set('x-forwarded-for', forwardedFor === null ? peer.address : `${forwardedFor}, ${peer.address}`);
  if (head.count('x-forwarded-proto') === 0) edits.append('x-forwarded-proto', head.scheme);
  if (head.count('x-forwarded-host') === 0 && head.authority !== '') edits.append('x-forwarded-host', head.authority);

  edits.set('x-request-id', journal.requestId);
  edits.set('traceparent', traceparentOf(trace.traceId, attempt.spanId, trace.isSampled));
  // A tracestate belongs to the trace it came with.
  if (attempt.mark > 1)
    edits.set('tracestate', markState(trace.isContinued ? head.get('tracestate') : null, attempt.mark));
  else if (!trace.isContinued) edits.remove('tracestate');

  const hops = trustsPeer ? head.get('x-remora-hop') : null;
  edits.set('x-remora-hop', hops === null ? instanceId : `${hops}, ${instanceId}`);
  // What a retry causes is one too, so the larger goes on.
  edits.set('x-remora-attempt', String(Math.max(attempt.mark, attemptOf(head))));

  const maxForwards = head.method === 'OPTIONS' ? maxForwardsOf(head) : null;
  if (maxForwards !== null) edits.set('max-forwards', String(maxForwards - 1));
}

/**
 * An application may want to know that nobody waits for its answer. Who says so of a request of their own gains nothing
 * by it.
 */
function passMirrorMark(head: RequestHead, edits: Edits): void {
  const mark = head.get(MIRROR_FIELD);
  if (mark !== null) edits.append(MIRROR_FIELD, mark);
}

/**
 * When who was turned away may come again. Whole seconds are all that HTTP knows; gRPC has its own word (proposal A6).
 */
export function editRetryAfter(edits: Edits, retryAfterMs: number, isGrpc: boolean): void {
  edits.append('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  if (isGrpc) edits.append('grpc-retry-pushback-ms', String(Math.ceil(retryAfterMs)));
}

/**
 * Has this request been through this sidecar before? Looked at before the field is dropped: a false claim harms its
 * author only.
 */
export function isLoop(head: RequestHead, instanceId: string): boolean {
  const hops = head.get('x-remora-hop');
  return hops !== null && hops.includes(instanceId);
}

/** RFC 9110, 7.6.2; null when absent or not a number. */
export function maxForwardsOf(head: RequestHead): number | null {
  const value = head.get('max-forwards');
  return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : null;
}
