import { createServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { Server as GrpcServer, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** As much of opentelemetry-proto as is looked at. */
const PROTO = `
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
  message Scope { string name = 1; string version = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
    Status status = 15; fixed32 flags = 16;
  }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`;
const Request = protobuf.parse(PROTO).root.lookupType('Request');

export interface ReceivedSpan {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: { readonly name: string; readonly version: string };
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number; readonly message: string };
  readonly flags: number;
}

export interface Collector {
  readonly endpoint: string;
  readonly spans: ReceivedSpan[];
  /** What it answers; over HTTP only. */
  status: number;
  /** Of the last request. */
  headers: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

export async function httpCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (bytes: Buffer) => pieces.push(bytes));
    request.on('end', () => {
      collector.headers = { ...request.headers, url: request.url };
      spans.push(...decode(Buffer.concat(pieces)));
      response.writeHead(collector.status, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  const collector: Collector = { endpoint, spans, status: 200, headers: {}, close: () => closeHttp(server) };
  return collector;
}

export async function grpcCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const server = new GrpcServer();
  const bytes = (value: Buffer): Buffer => value;
  const method = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  } as const;
  server.addService(
    { export: method },
    {
      export: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        collector.headers = call.metadata.getMap();
        spans.push(...decode(call.request));
        done(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const close = async (): Promise<void> => server.forceShutdown();
  const collector: Collector = { endpoint: `http://127.0.0.1:${port}`, spans, status: 0, headers: {}, close };
  return collector;
}

/** Accepts and then says `answer` to whatever it is sent, or nothing at all. */
export async function rawCollector(answer: string | null): Promise<Collector> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => {
      if (answer !== null) socket.end(answer);
    });
  });
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { endpoint, spans: [], status: 0, headers: {}, close };
}

/** A port on which nobody listens. */
export async function deadCollector(): Promise<Collector> {
  const collector = await rawCollector(null);
  await collector.close();
  return { ...collector, close: async () => undefined };
}

async function listen(server: HttpServer | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return (server.address() as AddressInfo).port;
}

async function closeHttp(server: HttpServer): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Decoded {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Pair[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly Readonly<Record<string, never>>[];
    }[];
  }[];
}

function decode(bytes: Buffer): ReceivedSpan[] {
  const message = Request.toObject(Request.decode(bytes), { longs: String, bytes: String, defaults: true });
  const { resourceSpans } = message as unknown as Decoded;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        resource: record(resource.attributes),
        scope,
        traceId: hex(span['traceId']!),
        spanId: hex(span['spanId']!),
        parentSpanId: hex(span['parentSpanId']!),
        name: span['name']!,
        kind: span['kind']!,
        startNs: BigInt(span['startTimeUnixNano']!),
        endNs: BigInt(span['endTimeUnixNano']!),
        attributes: record(span['attributes']!),
        status: span['status'] ?? { code: 0, message: '' },
        flags: span['flags']!,
      })),
    ),
  );
}

function record(pairs: readonly Pair[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => {
      const [kind, said] = Object.entries(value)[0]!;
      return [key, kind === 'intValue' ? Number(said) : said];
    }),
  );
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}
