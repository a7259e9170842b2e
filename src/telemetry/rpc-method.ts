import { GRPC_STATUSES } from '../http/grpc-status.ts';

export interface RpcMethod {
  /** With its package: `shop.v1.Orders`. */
  readonly service: string;
  readonly method: string;
}

const PATH = /^\/([A-Za-z_][\w.$-]{0,127})\/([A-Za-z_][\w.$-]{0,127})$/;

/**
 * What a path calls, or null when it calls nothing that could be a method. The texts are copies: a slice would keep the
 * head of its request for as long as it is a label.
 */
export function rpcMethodOf(path: string): RpcMethod | null {
  const [, service, method] = PATH.exec(path) ?? [];
  if (service === undefined || method === undefined) return null;
  return { service: copyOf(service), method: copyOf(method) };
}

/** Statuses that OpenTelemetry takes for a server's own errors; all others but OK are its word about the call. */
const SERVER_ERRORS: ReadonlySet<number> = new Set([
  GRPC_STATUSES.unknown,
  GRPC_STATUSES.deadline_exceeded,
  GRPC_STATUSES.unimplemented,
  GRPC_STATUSES.internal,
  GRPC_STATUSES.unavailable,
  GRPC_STATUSES.data_loss,
]);

/** What 500 and above is of HTTP. */
export function isServerError(status: number, grpcStatus: number): boolean {
  return status >= 500 || SERVER_ERRORS.has(grpcStatus);
}

function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
