import type { Attributes } from '@opentelemetry/api';
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions';
import type { FailureCode } from '../base/failure.ts';
import { NO_GRPC_STATUS } from '../http/grpc.ts';
import { GRPC_STATUS_NAMES, GRPC_STATUSES } from '../http/grpc-status.ts';
import type { ExchangeRecord } from '../proxy/observer.ts';
import { rpcMethodOf } from './rpc-method.ts';

/**
 * OpenTelemetry's names for gRPC. None of them is stable, so the package has no promise to keep them; these are the
 * ones that collectors and dashboards know today.
 */
const RPC_SYSTEM = 'rpc.system';
const RPC_SERVICE = 'rpc.service';
const RPC_METHOD = 'rpc.method';
const RPC_GRPC_STATUS_CODE = 'rpc.grpc.status_code';

/**
 * Spans of calls are named for their method. It is the caller's text, so what the endpoint does not know is no name: a
 * scan would make thousands.
 */
export function callName({ head, grpcStatus }: ExchangeRecord): string {
  const rpc = grpcStatus === GRPC_STATUSES.unimplemented ? null : rpcMethodOf(head.path);
  return rpc === null ? 'grpc' : `${rpc.service}/${rpc.method}`;
}

/** On top of what HTTP says: `error.type` is the status by name where HTTP sees a plain 200. */
export function addCall(
  attributes: Attributes,
  path: string,
  grpcStatus: number,
  code: FailureCode | null,
  isError: boolean,
): void {
  attributes[RPC_SYSTEM] = 'grpc';
  const rpc = rpcMethodOf(path);
  if (rpc !== null) {
    attributes[RPC_SERVICE] = rpc.service;
    attributes[RPC_METHOD] = rpc.method;
  }
  if (grpcStatus === NO_GRPC_STATUS) return;
  attributes[RPC_GRPC_STATUS_CODE] = grpcStatus;
  if (isError && code === null) attributes[ATTR_ERROR_TYPE] = statusName(grpcStatus);
}

function statusName(grpcStatus: number): string {
  return GRPC_STATUS_NAMES[grpcStatus]?.toUpperCase() ?? String(grpcStatus);
}
