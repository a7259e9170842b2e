import type { Edits } from '../http/edits.ts';
import { formatGrpcTimeout, isGrpc, parseGrpcTimeout } from '../http/grpc.ts';
import type { RequestHead } from '../http/head.ts';
import type { ExchangeRecord } from './observer.ts';

export const NO_DEADLINE = Number.POSITIVE_INFINITY;

/**
 * What an exchange knows of gRPC beyond HTTP: how a call is told, how long its caller waits, and what the next server
 * must know of it. Statuses are the business of attempts.
 */
export interface Call extends Pick<ExchangeRecord, 'head'> {
  readonly deadlineAt: number;
}

/** gRPC is spoken over HTTP/2 alone: over HTTP/1.1, what looks like a call is a request like others. */
export function isCall(head: RequestHead): boolean {
  return head.version === '2' && isGrpc(head.get('content-type'));
}

/**
 * When the caller gives up, or `NO_DEADLINE`. A `grpc-timeout` that cannot be read is none of ours: it is passed on as it
 * is, and the server says what it thinks of it (gRPC for Go: INTERNAL; others wait for ever).
 */
export function deadlineOf(head: RequestHead, now: number): number {
  const text = head.get('grpc-timeout');
  const timeoutMs = text === null ? -1 : parseGrpcTimeout(text);
  return timeoutMs < 0 ? NO_DEADLINE : now + timeoutMs;
}

/**
 * Fields of a call that differ from attempt to attempt. The time that is left is rounded down: a hop takes and never gives.
 * `previous`: attempts that a server may have seen; of others gRPC does not speak (proposal A6, "transparent retries").
 */
export function editCall(edits: Edits, { head, deadlineAt }: Call, previous: number, now: number): void {
  if (deadlineAt !== NO_DEADLINE) {
    edits.set('grpc-timeout', formatGrpcTimeout(Math.max(1, Math.floor(deadlineAt - now))));
  }
  if (previous === 0) return;
  // The caller may try again itself, and the server wants to know of all.
  const before = head.get('grpc-previous-rpc-attempts') ?? '';
  const callers = /^\d{1,9}$/.test(before) ? Number(before) : 0;
  edits.set('grpc-previous-rpc-attempts', String(callers + previous));
}
