import type { FailureCode } from '../base/failure.ts';
import type { Peer } from '../http/conduit.ts';
import { NO_GRPC_STATUS } from '../http/grpc.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { AttemptRecord, ExchangeRecord, TunnelRecord } from '../proxy/observer.ts';
import { safeText } from './safe-text.ts';
import { wallTimeText } from './wall-time.ts';

const MAX_PATH = 1_024;
const MAX_AUTHORITY = 256;
const MAX_SHORT = 128;
const MAX_ATTEMPTS = 16;

/**
 * The access log's line for an exchange. `wallMs` is when it ended; the line's time is when it began, as in other
 * proxies' logs.
 */
export function exchangeLine(record: ExchangeRecord, wallMs: number): string {
  const { head, labels, peer, startedAt, answeredAt, endedAt } = record;
  const took = endedAt - startedAt;
  const line = {
    time: wallTimeText(wallMs - took),
    kind: 'exchange',
    request_id: safeText(record.requestId, MAX_SHORT),
    trace_id: record.traceId,
    ...origin(labels, peer),
    ...(record.route === null ? {} : { route: safeText(record.route, MAX_SHORT) }),
    ...(record.overrideOf === null ? {} : { override_of: safeText(record.overrideOf, MAX_SHORT) }),
    ...(record.shard === null ? {} : { shard: record.shard }),
    method: safeText(head.method, MAX_SHORT),
    authority: safeText(head.authority, MAX_AUTHORITY),
    path: safeText(head.path, MAX_PATH),
    version: head.version,
    status: record.status,
    grpc_status: grpcStatus(record.grpcStatus),
    failure: record.code,
    ...relief(record.fault, record.fallback),
    duration_ms: rounded(took),
    first_byte_ms: since(startedAt, answeredAt),
    connect_ms: connectMs(record.answeredBy),
    ...heldMs(record.heldMs),
    request_bytes: record.requestBytes,
    response_bytes: record.responseBytes,
    retries: Math.max(0, record.attemptCount - 1),
    attempts: attemptList(record.attempts, record.attemptCount, endedAt),
  };
  return JSON.stringify(line);
}

export function tunnelLine(record: TunnelRecord, wallMs: number): string {
  const { labels, peer, startedAt, endedAt } = record;
  const took = endedAt - startedAt;
  const line = {
    time: wallTimeText(wallMs - took),
    kind: 'tunnel',
    ...origin(labels, peer),
    failure: record.code,
    ...relief(record.fault, null),
    duration_ms: rounded(took),
    connect_ms: connectMs(record.attemptCount === 0 ? null : record.attempts[record.attemptCount - 1]!),
    ...heldMs(record.heldMs),
    request_bytes: record.bytesUp,
    response_bytes: record.bytesDown,
    retries: Math.max(0, record.attemptCount - 1),
    attempts: attemptList(record.attempts, record.attemptCount, endedAt),
  };
  return JSON.stringify(line);
}

/** Only of what was tampered with, and of what got something else than its failure. */
function relief(
  fault: string | null,
  fallback: string | null,
): { readonly fault?: string; readonly fallback?: string } {
  return { ...(fault === null ? {} : { fault }), ...(fallback === null ? {} : { fallback }) };
}

/** Only where there are roles, and then seldom. */
function heldMs(ms: number): { readonly held_ms?: number } {
  return ms === 0 ? {} : { held_ms: rounded(ms) };
}

/** Of what never had a route, no more is known than this. */
export function rejectLine(listener: string, failure: FailureCode, wallMs: number): string {
  return JSON.stringify({ time: wallTimeText(wallMs), kind: 'reject', listener, failure });
}

function origin({ direction, upstream }: PlanLabels, { address, port, listener }: Peer): Record<string, unknown> {
  return {
    direction,
    upstream,
    listener,
    client: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
  };
}

function attemptList(attempts: readonly AttemptRecord[], count: number, endedAt: number): unknown[] {
  return attempts.slice(0, Math.min(count, MAX_ATTEMPTS)).map((attempt) => ({
    endpoint: attempt.endpoint.id,
    status: attempt.status,
    grpc_status: grpcStatus(attempt.grpcStatus),
    failure: attempt.code,
    ms: rounded((attempt.endedAt === 0 ? endedAt : attempt.endedAt) - attempt.startedAt),
  }));
}

function grpcStatus(status: number): number | null {
  return status === NO_GRPC_STATUS ? null : status;
}

/** What the attempt waited for its connection; null for one that was already there, or never came. */
function connectMs(attempt: AttemptRecord | null): number | null {
  if (attempt === null || attempt.isReused) return null;
  return since(attempt.startedAt, attempt.connectedAt);
}

function since(startedAt: number, at: number): number | null {
  return at === 0 ? null : rounded(at - startedAt);
}

/** Microseconds are all that the clock is good for. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
