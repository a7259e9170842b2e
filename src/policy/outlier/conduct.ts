import { FAILURES } from '../../base/failure.ts';
import { GRPC_STATUSES } from '../../http/grpc-status.ts';
import type { Evidence } from '../evidence.ts';
import { LatencyHistogram, MAX_UNITS, UNITS_PER_MS } from './latency-histogram.ts';
import type { EjectionOptions, RowOptions } from './options.ts';

/** Rows that are full, as bits of one number: what `record` returns must not be put on the heap. */
export const ROW_5XX = 1;
export const ROW_GATEWAY = 2;
export const ROW_LOCAL = 4;

const GATEWAY_TIMEOUT = 504;

/**
 * How one endpoint has behaved: rows of failures, which are looked at with every attempt, and what came in within the
 * interval, which is looked at when it ends. An attempt that proves nothing counts for nothing, with one exception: who
 * waited longer than an endpoint may take and went away without an answer would have waited longer still. A silence
 * longer than the first ejection breaks all rows: what is too old to be punished any more is too old to punish for.
 *
 * It allocates nothing, and there is one for each endpoint.
 */
export class Conduct {
  requests = 0;
  successes = 0;
  readonly latency = new LatencyHistogram();
  /** What would have been too slow in the last interval; no wait is as long before there was one. */
  slowMs = Number.POSITIVE_INFINITY;
  private serverRow = 0;
  private gatewayRow = 0;
  private localRow = 0;
  private lastFailureAt = 0;

  constructor(private options: EjectionOptions) {}

  reconfigure(options: EjectionOptions): void {
    this.options = options;
    this.clear();
  }

  /** The rows that are full with it; 0 for none. They begin anew. */
  record(evidence: Evidence, now: number): number {
    const { outcome, startedAt, sentAt, firstByteAt } = evidence;
    const begunAt = Math.max(startedAt, sentAt);
    // A choice between the two instants themselves would be put on the heap.
    const waitedMs = firstByteAt === 0 ? now - begunAt : firstByteAt - begunAt;
    const units = Math.min(waitedMs * UNITS_PER_MS, MAX_UNITS) | 0;
    if (outcome === 'ignored') {
      if (waitedMs > this.slowMs) this.latency.add(units);
      return 0;
    }
    this.requests += 1;
    if (firstByteAt !== 0 || isTimeout(evidence)) this.latency.add(units);
    if (outcome === 'failure') return this.recordFailure(evidence, now);
    this.successes += 1;
    this.endRows();
    return 0;
  }

  /** What the rows count, which of them is full. */
  rowOf(bit: number): number {
    const { consecutive5xx, consecutiveGateway, consecutiveLocal } = this.options;
    return (bit === ROW_5XX ? consecutive5xx : bit === ROW_GATEWAY ? consecutiveGateway : consecutiveLocal).count;
  }

  endInterval(): void {
    this.requests = 0;
    this.successes = 0;
    this.latency.clear();
  }

  /** All that was counted is settled: it is out, or its circuit has opened. */
  clear(): void {
    this.endInterval();
    this.slowMs = Number.POSITIVE_INFINITY;
    this.endRows();
  }

  private endRows(): void {
    this.serverRow = 0;
    this.gatewayRow = 0;
    this.localRow = 0;
  }

  private recordFailure(evidence: Evidence, now: number): number {
    const { consecutive5xx, consecutiveGateway, consecutiveLocal, baseMs } = this.options;
    if (now - this.lastFailureAt > baseMs) this.endRows();
    this.lastFailureAt = now;
    const isLocal = evidence.code !== null;
    this.serverRow += 1;
    this.gatewayRow = isLocal || isGatewayFailure(evidence) ? this.gatewayRow + 1 : 0;
    this.localRow = isLocal ? this.localRow + 1 : 0;
    let full = 0;
    if (isFull(consecutive5xx, this.serverRow)) {
      full |= ROW_5XX;
      this.serverRow = 0;
    }
    if (isFull(consecutiveGateway, this.gatewayRow)) {
      full |= ROW_GATEWAY;
      this.gatewayRow = 0;
    }
    if (isFull(consecutiveLocal, this.localRow)) {
      full |= ROW_LOCAL;
      this.localRow = 0;
    }
    return full;
  }
}

function isFull({ mode, count }: RowOptions, row: number): boolean {
  return mode !== 'off' && row >= count;
}

/** What gateways say when it is not they who failed; gRPC has its own words for it. */
function isGatewayFailure({ status, grpcStatus }: Evidence): boolean {
  if (grpcStatus === GRPC_STATUSES.unavailable || grpcStatus === GRPC_STATUSES.deadline_exceeded) return true;
  return status >= 502 && status <= 504;
}

/** It took at least the time that was waited. A connection that was not made says nothing of answers. */
function isTimeout({ code, sentAt }: Evidence): boolean {
  return code !== null && sentAt !== 0 && FAILURES[code].status === GATEWAY_TIMEOUT;
}
