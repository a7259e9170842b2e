import { type Attributes, SpanKind, type SpanStatus, SpanStatusCode } from '@opentelemetry/api';
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_ERROR_TYPE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_NETWORK_TRANSPORT,
  NETWORK_TRANSPORT_VALUE_TCP,
} from '@opentelemetry/semantic-conventions';
import { FAILURES, type FailureCode } from '../base/failure.ts';
import type { Random } from '../base/random.ts';
import { nextSpanId, nextTraceId } from '../http/trace-context.ts';
import type { AttemptRecord, TunnelRecord } from '../proxy/observer.ts';
import { FinishedSpan, type SpanFacts, type SpanOrigin } from './finished-span.ts';

const MAX_ATTEMPTS = 16;

/**
 * The spans of one opaque connection: a SERVER span for its life and a CLIENT span for each connect. Nothing was sent
 * that could carry ids, so they are made here and the trace is this sidecar's alone.
 */
export function tunnelSpans(
  record: TunnelRecord,
  isSampled: boolean,
  random: Random,
  wallOffsetMs: number,
  origin: SpanOrigin,
): FinishedSpan[] {
  const trace = { traceId: nextTraceId(random), name: 'tcp', isSampled, isParentRemote: false };
  const whole: SpanFacts = {
    ...trace,
    kind: SpanKind.SERVER,
    spanId: nextSpanId(random),
    parentSpanId: '',
    startMs: record.startedAt + wallOffsetMs,
    endMs: record.endedAt + wallOffsetMs,
    attributes: tunnelAttributes(record, isSampled),
    status: statusOf(record.code),
  };
  const spans = [new FinishedSpan(whole, origin)];
  const count = Math.min(record.attemptCount, MAX_ATTEMPTS);
  for (let i = 0; i < count; i++) {
    const attempt = record.attempts[i]!;
    // Once connected, what becomes of the tunnel is told by its own span.
    const code = attempt.connectedAt === 0 ? attempt.code : null;
    const connect: SpanFacts = {
      ...trace,
      kind: SpanKind.CLIENT,
      spanId: nextSpanId(random),
      parentSpanId: whole.spanId,
      startMs: attempt.startedAt + wallOffsetMs,
      endMs: (attempt.connectedAt || attempt.endedAt || record.endedAt) + wallOffsetMs,
      attributes: connectAttributes(record, attempt, code, isSampled),
      status: statusOf(code),
    };
    spans.push(new FinishedSpan(connect, origin));
  }
  return spans;
}

function tunnelAttributes(record: TunnelRecord, isSampled: boolean): Attributes {
  const { peer, bytesUp, bytesDown, attemptCount } = record;
  return {
    [ATTR_NETWORK_TRANSPORT]: NETWORK_TRANSPORT_VALUE_TCP,
    [ATTR_CLIENT_ADDRESS]: peer.address,
    [ATTR_NETWORK_PEER_ADDRESS]: peer.address,
    [ATTR_NETWORK_PEER_PORT]: peer.port,
    'remora.listener': peer.listener,
    'remora.attempts': attemptCount,
    'remora.bytes_up': bytesUp,
    'remora.bytes_down': bytesDown,
    ...ownAttributes(record, record.code, isSampled),
  };
}

function connectAttributes(
  record: TunnelRecord,
  { endpoint, ordinal }: AttemptRecord,
  code: FailureCode | null,
  isSampled: boolean,
): Attributes {
  return {
    [ATTR_NETWORK_TRANSPORT]: NETWORK_TRANSPORT_VALUE_TCP,
    [ATTR_NETWORK_PEER_ADDRESS]: endpoint.spec.host,
    [ATTR_NETWORK_PEER_PORT]: endpoint.spec.port,
    'remora.endpoint': endpoint.id,
    'remora.attempt': ordinal,
    ...ownAttributes(record, code, isSampled),
  };
}

function ownAttributes({ labels }: TunnelRecord, code: FailureCode | null, isSampled: boolean): Attributes {
  const attributes: Attributes = { 'remora.direction': labels.direction, 'remora.upstream': labels.upstream };
  if (code !== null) {
    attributes[ATTR_ERROR_TYPE] = code;
    attributes['remora.failure'] = code;
  }
  if (!isSampled) attributes['remora.unsampled'] = true;
  return attributes;
}

function statusOf(code: FailureCode | null): SpanStatus {
  if (code === null || FAILURES[code].blame === 'client') return { code: SpanStatusCode.UNSET };
  return { code: SpanStatusCode.ERROR, message: FAILURES[code].meaning };
}
