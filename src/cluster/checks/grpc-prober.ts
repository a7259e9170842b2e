import type { Connector } from '../../http/conduit.ts';
import { NO_GRPC_STATUS } from '../../http/grpc.ts';
import { GRPC_STATUS_NAMES, GRPC_STATUSES } from '../../http/grpc-status.ts';
import { CheckHead } from './check-head.ts';
import type { GrpcQuestion, IdentityOptions } from './options.ts';
import { failed, PASSED, type Probe, type ProbeOwner, type Prober, type Verdict } from './prober.ts';
import { type CheckAnswer, type CheckRequest, RequestProbe } from './request-probe.ts';

const PATH = '/grpc.health.v1.Health/Check';
/** A message's flag and length stand before it. */
const PREFIX_BYTES = 5;
/** Of an answer, which is a few bytes long. */
const KEEP_BYTES = 256;
/** Field 1, length-delimited: the service of a request. */
const SERVICE_TAG = 0x0a;
/** Field 1, a varint: the status of an answer. */
const STATUS_TAG = 0x08;
const SERVING_STATES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

/**
 * Makes the call of gRPC's health protocol. Its two messages have one field each, so they are written and read here: a
 * library for it would be loaded by every sidecar.
 */
export class GrpcProber implements Prober, CheckRequest {
  readonly head: CheckHead;
  readonly body: Buffer;
  readonly keepBytes = KEEP_BYTES;

  constructor(
    { service, host }: GrpcQuestion,
    private readonly identity: IdentityOptions | null,
    caller: string,
  ) {
    this.body = messageOf(service);
    const bodyBytes = this.body.length;
    this.head = new CheckHead({ method: 'POST', path: PATH, host, caller, version: '2', bodyBytes });
    this.head.add('content-type', 'application/grpc');
  }

  begin(connector: Connector, owner: ProbeOwner): Probe {
    return new RequestProbe(connector, this, this.identity, owner);
  }

  judge({ status, grpcStatus, body }: CheckAnswer): Verdict {
    if (grpcStatus === NO_GRPC_STATUS) return failed(`answered ${status} without a gRPC status`);
    if (grpcStatus !== GRPC_STATUSES.ok) return failed(`ended with ${GRPC_STATUS_NAMES[grpcStatus] ?? grpcStatus}`);
    const state = SERVING_STATES[stateIn(body)] ?? 'something unknown';
    return state === 'SERVING' ? PASSED : failed(`says ${state}`, state === 'NOT_SERVING');
  }
}

/** The schema holds a service's name to 120 bytes, so that its length is one byte. */
function messageOf(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const field = name.length === 0 ? name : Buffer.concat([Buffer.from([SERVICE_TAG, name.length]), name]);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(field.length, 1);
  return Buffer.concat([prefix, field]);
}

/** 0, which is UNKNOWN, where the field is not written; -1 of what is no such message. */
function stateIn(body: Buffer): number {
  if (body.length < PREFIX_BYTES || body[0] !== 0) return -1;
  const length = body.readUInt32BE(1);
  if (length === 0) return 0;
  return body[PREFIX_BYTES] === STATUS_TAG && body.length >= PREFIX_BYTES + 2 ? body[PREFIX_BYTES + 1]! : -1;
}
