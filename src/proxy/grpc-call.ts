import { FAILURES, type FailureCode } from '../base/failure.ts';
import type { Edits } from '../http/edits.ts';
import { isGrpc } from '../http/grpc.ts';
import type { RequestHead } from '../http/head.ts';
import type { ExchangeRecord } from './observer.ts';

/**
 * What an exchange knows of gRPC beyond HTTP: how a call is told, and what the next server must know of it. Statuses are
 * the business of attempts, and the deadline is one of `Allowance`.
 */
export type Call = Pick<ExchangeRecord, 'head' | 'attempts' | 'attemptCount'>;

/** gRPC is spoken over HTTP/2 alone: over HTTP/1.1, what looks like a call is a request like others. */
export function isCall(head: RequestHead): boolean {
  return head.version === '2' && isGrpc(head.get('content-type'));
}

/** Fields of a call that differ from attempt to attempt. */
export function editCall(edits: Edits, { head, attempts, attemptCount }: Call): void {
  let previous = 0;
  for (let i = 0; i < attemptCount - 1; i++) if (wasSeen(attempts[i]!.code)) previous += 1;
  if (previous === 0) return;
  // The caller may try again itself, and the server wants to know of all.
  const before = head.get('grpc-previous-rpc-attempts') ?? '';
  const callers = /^\d{1,9}$/.test(before) ? Number(before) : 0;
  edits.set('grpc-previous-rpc-attempts', String(callers + previous));
}

/** Of what no server can have seen, gRPC does not speak (proposal A6, "transparent retries"). */
function wasSeen(code: FailureCode | null): boolean {
  return code === null || FAILURES[code].reached;
}
