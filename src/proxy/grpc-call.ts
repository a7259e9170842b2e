import type { Edits } from '../http/edits.ts';
import { isGrpc } from '../http/grpc.ts';
import type { RequestHead } from '../http/head.ts';
import type { ExchangeRecord } from './observer.ts';

/**
 * What an exchange knows of gRPC beyond HTTP: how a call is told, and what the next server must know of it. Statuses
 * are the business of attempts, and the deadline is one of `Allowance`.
 */
export type Call = Pick<ExchangeRecord, 'head'>;

/** gRPC is spoken over HTTP/2 alone: over HTTP/1.1, what looks like a call is a request like others. */
export function isCall(head: RequestHead): boolean {
  return head.version === '2' && isGrpc(head.get('content-type'));
}

/**
 * Fields of a call that differ from attempt to attempt. `previous`: attempts that a server may have seen; of others
 * gRPC does not speak (proposal A6, "transparent retries").
 */
export function editCall(edits: Edits, { head }: Call, previous: number): void {
  if (previous === 0) return;
  // The caller may try again itself, and the server wants to know of all.
  const before = head.get('grpc-previous-rpc-attempts') ?? '';
  const callers = /^\d{1,9}$/.test(before) ? Number(before) : 0;
  edits.set('grpc-previous-rpc-attempts', String(callers + previous));
}
