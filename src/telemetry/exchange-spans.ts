import { type Attributes, SpanKind, type SpanStatus, SpanStatusCode } from '@opentelemetry/api';
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_HTTP_REQUEST_RESEND_COUNT,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_URL_FULL,
  ATTR_URL_PATH,
  ATTR_URL_QUERY,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT_ORIGINAL,
} from '@opentelemetry/semantic-conventions';
import { FAILURES, type FailureCode } from '../base/failure.ts';
import type { AttemptRecord, ExchangeRecord } from '../proxy/observer.ts';
import { FinishedSpan, type SpanOrigin } from './finished-span.ts';
import { addAuthority, addMethod, addResult, MAX_AUTHORITY, spanName } from './http-attributes.ts';
import { addCall, callName } from './rpc-attributes.ts';
import { isServerError } from './rpc-method.ts';
import { redactedTarget, safeText } from './safe-text.ts';

const MAX_TARGET = 1_024;
const MAX_USER_AGENT = 256;
const MAX_REQUEST_ID = 128;
/** More attempts than any configuration allows today. */
const MAX_ATTEMPTS = 16;

/**
 * The spans of one exchange, by OpenTelemetry's conventions for HTTP (stable since 1.23, written against 1.44), and for
 * RPC where it is a gRPC call: a SERVER span for what the client asked and one CLIENT span per attempt, its child.
 * `wallOffsetMs` turns the record's monotonic instants into wall time.
 */
export function exchangeSpans(record: ExchangeRecord, wallOffsetMs: number, origin: SpanOrigin): FinishedSpan[] {
  const spans = [serverSpan(record, wallOffsetMs, origin)];
  const count = Math.min(record.attemptCount, MAX_ATTEMPTS);
  for (let i = 0; i < count; i++) spans.push(clientSpan(record, record.attempts[i]!, wallOffsetMs, origin));
  return spans;
}

function serverSpan(record: ExchangeRecord, wallOffsetMs: number, origin: SpanOrigin): FinishedSpan {
  const { head, peer, labels, status, code, grpcStatus } = record;
  const [path, query] = splitTarget(head.path);
  const attributes: Attributes = {};
  addMethod(attributes, head.method);
  attributes[ATTR_URL_SCHEME] = head.scheme;
  attributes[ATTR_URL_PATH] = path;
  if (query !== '') attributes[ATTR_URL_QUERY] = query;
  addAuthority(attributes, head, labels.upstream);
  attributes[ATTR_CLIENT_ADDRESS] = peer.address;
  attributes[ATTR_NETWORK_PEER_ADDRESS] = peer.address;
  attributes[ATTR_NETWORK_PEER_PORT] = peer.port;
  attributes[ATTR_NETWORK_PROTOCOL_VERSION] = head.version;
  const userAgent = head.get('user-agent');
  if (userAgent !== null) attributes[ATTR_USER_AGENT_ORIGINAL] = safeText(userAgent, MAX_USER_AGENT);
  addResult(attributes, status, code, status >= 500);
  if (record.isGrpc) addCall(attributes, head.path, grpcStatus, code, isServerError(status, grpcStatus));
  attributes['remora.listener'] = peer.listener;
  attributes['remora.request_id'] = safeText(record.requestId, MAX_REQUEST_ID);
  attributes['remora.attempts'] = record.attemptCount;
  addOwn(attributes, record, code);
  if (record.route !== null) attributes['remora.route'] = record.route;
  if (record.overrideOf !== null) attributes['remora.override_of'] = record.overrideOf;
  if (record.fault !== null) attributes['remora.fault'] = record.fault;
  if (record.fallback !== null) attributes['remora.fallback'] = record.fallback;
  const facts = {
    kind: SpanKind.SERVER,
    spanId: record.spanId,
    parentSpanId: record.parentSpanId,
    isParentRemote: true,
    startMs: record.startedAt + wallOffsetMs,
    endMs: record.endedAt + wallOffsetMs,
    attributes,
    status: serverStatus(record),
  };
  return new FinishedSpan({ ...common(record), ...facts }, origin);
}

function clientSpan(
  record: ExchangeRecord,
  attempt: AttemptRecord,
  wallOffsetMs: number,
  origin: SpanOrigin,
): FinishedSpan {
  const { head, labels } = record;
  const { status, code, grpcStatus, ordinal, endpoint } = attempt;
  const attributes: Attributes = {};
  addMethod(attributes, head.method);
  attributes[ATTR_URL_FULL] = fullUrl(record);
  addAuthority(attributes, head, labels.upstream);
  attributes[ATTR_NETWORK_PEER_ADDRESS] = endpoint.spec.host;
  attributes[ATTR_NETWORK_PEER_PORT] = endpoint.spec.port;
  attributes[ATTR_NETWORK_PROTOCOL_VERSION] = attempt.version;
  if (ordinal > 1) attributes[ATTR_HTTP_REQUEST_RESEND_COUNT] = ordinal - 1;
  addResult(attributes, status, code, status >= 400);
  if (record.isGrpc) addCall(attributes, head.path, grpcStatus, code, grpcStatus > 0);
  attributes['remora.endpoint'] = endpoint.id;
  attributes['remora.attempt'] = ordinal;
  addOwn(attributes, record, code);
  const facts = {
    kind: SpanKind.CLIENT,
    spanId: attempt.spanId,
    parentSpanId: record.spanId,
    isParentRemote: false,
    startMs: attempt.startedAt + wallOffsetMs,
    // An attempt that is still read away when the exchange closes has no end yet.
    endMs: (attempt.endedAt === 0 ? record.endedAt : attempt.endedAt) + wallOffsetMs,
    attributes,
    status: clientStatus(attempt),
  };
  return new FinishedSpan({ ...common(record), ...facts }, origin);
}

function common(record: ExchangeRecord): { name: string; traceId: string; isSampled: boolean } {
  const { head, traceId, isSampled } = record;
  return { name: record.isGrpc ? callName(record) : spanName(head.method), traceId, isSampled };
}

function addOwn(attributes: Attributes, { labels, isSampled }: ExchangeRecord, code: FailureCode | null): void {
  attributes['remora.direction'] = labels.direction;
  attributes['remora.upstream'] = labels.upstream;
  if (code !== null) attributes['remora.failure'] = code;
  if (!isSampled) attributes['remora.unsampled'] = true;
}

const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

/**
 * For a server a 4xx is the client's mistake. A failure that broke a good status off is an error all the same; one that
 * something else was given for here is what that is.
 */
function serverStatus({ status, code, grpcStatus, fallback }: ExchangeRecord): SpanStatus {
  const isCovered = fallback === 'stale' || fallback === 'static';
  if (code !== null && !isCovered && FAILURES[code].status >= 500) return errorOf(code);
  return isServerError(status, grpcStatus) ? { code: SpanStatusCode.ERROR } : UNSET;
}

/**
 * For a client a 4xx is an error too, and every status of gRPC but OK. An attempt that was given up because our own
 * client left is none.
 */
function clientStatus({ status, code, grpcStatus }: AttemptRecord): SpanStatus {
  if (code !== null) return FAILURES[code].blame === 'client' ? UNSET : errorOf(code);
  return status >= 400 || grpcStatus > 0 ? { code: SpanStatusCode.ERROR } : UNSET;
}

function errorOf(code: FailureCode): SpanStatus {
  return { code: SpanStatusCode.ERROR, message: FAILURES[code].meaning };
}

function splitTarget(target: string): [path: string, query: string] {
  const text = safeText(redactedTarget(target), MAX_TARGET);
  const mark = text.indexOf('?');
  return mark === -1 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)];
}

/** The target `*` names no resource, and so adds nothing. */
function fullUrl({ head, labels }: ExchangeRecord): string {
  const authority = safeText(head.authority === '' ? labels.upstream : head.authority, MAX_AUTHORITY);
  const target = head.path === '*' ? '' : safeText(redactedTarget(head.path), MAX_TARGET);
  return `${head.scheme}://${authority}${target}`;
}
