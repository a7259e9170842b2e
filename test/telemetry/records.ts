import { FieldList } from '../../src/http/fields.ts';
import type { RequestHead } from '../../src/http/head.ts';
import type { PlanLabels } from '../../src/proxy/labels.ts';
import type { AttemptRecord, ExchangeRecord, TunnelRecord } from '../../src/proxy/observer.ts';

export const ORDERS: PlanLabels = { direction: 'outbound', upstream: 'orders', protocol: 'http' };
export const CACHE: PlanLabels = { direction: 'outbound', upstream: 'cache', protocol: 'tcp' };

export function requestHead(
  over: Partial<RequestHead> = {},
  fields: Readonly<Record<string, string>> = {},
): RequestHead {
  const list = new FieldList();
  for (const [name, value] of Object.entries(fields)) list.add(name, value);
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'orders:9001',
    path: '/items?id=7',
    body: 'none',
    contentLength: -1,
    wantsContinue: false,
    acceptsTrailers: false,
    upgrade: null,
    version: '1.1',
    get: (name) => list.get(name),
    count: (name) => list.count(name),
    forEach: (visit) => list.forEach(visit),
    ...over,
  };
}

export function attemptRecord(over: Partial<AttemptRecord> & { readonly host?: string } = {}): AttemptRecord {
  const host = over.host ?? '10.0.0.1';
  const spec = {
    id: `${host}:7001/orders-1`,
    host,
    port: 7001,
    weight: 1,
    health: 'passing' as const,
    tags: [],
    meta: {},
    zone: null,
    priority: 0,
    role: null,
  };
  return {
    ordinal: 1,
    endpoint: { id: spec.id, spec },
    outcome: 'success',
    code: null,
    status: 200,
    grpcStatus: -1,
    startedAt: 1001,
    connectedAt: 1003,
    sentAt: 1003,
    firstByteAt: 1009,
    endedAt: 1010,
    pushbackMs: -1,
    isReused: false,
    version: '1.1',
    spanId: 'aaaaaaaaaaaaaaa1',
    ...over,
  };
}

export function exchangeRecord(over: Partial<ExchangeRecord> = {}): ExchangeRecord {
  const attempts = over.attempts ?? [attemptRecord()];
  return {
    labels: ORDERS,
    peer: { address: '127.0.0.1', port: 50_000, listener: 'orders', scheme: 'http', identity: null },
    head: requestHead(),
    startedAt: 1000,
    answeredAt: 1009,
    endedAt: 1012.5,
    status: 200,
    code: null,
    isGrpc: false,
    grpcStatus: -1,
    requestBytes: 0,
    responseBytes: 42,
    heldMs: 0,
    requestId: 'req-1',
    route: null,
    routeAnswer: null,
    overrideOf: null,
    shard: null,
    fault: null,
    fallback: null,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    parentSpanId: 'bbbbbbbbbbbbbbb1',
    isSampled: true,
    attempts,
    attemptCount: attempts.length,
    answeredBy: attempts.at(-1) ?? null,
    ...over,
  };
}

/** A gRPC call that ended with a status in its trailers. */
export function callRecord(
  path: string,
  grpcStatus: number,
  { code = null, startedAt, endedAt }: Partial<Pick<ExchangeRecord, 'code' | 'startedAt' | 'endedAt'>> = {},
): ExchangeRecord {
  const attempts = code === null ? [attemptRecord({ grpcStatus, version: '2' })] : [];
  const head = requestHead({ method: 'POST', path, version: '2' }, { 'content-type': 'application/grpc' });
  return {
    ...exchangeRecord({ head, isGrpc: true, grpcStatus, code, attempts }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}

export function tunnelRecord(over: Partial<TunnelRecord> = {}): TunnelRecord {
  const attempts = over.attempts ?? [attemptRecord({ status: 0, spanId: '' })];
  return {
    labels: CACHE,
    peer: { address: '127.0.0.1', port: 50_001, listener: 'cache', scheme: 'http', identity: null },
    fault: null,
    startedAt: 1000,
    endedAt: 3000,
    bytesUp: 100,
    bytesDown: 2000,
    heldMs: 0,
    code: null,
    attempts,
    attemptCount: attempts.length,
    ...over,
  };
}
