import { FAILURES, type FailureCode } from '../base/failure.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import { Counter, DURATION_BOUNDS_MS, Histogram } from './instruments.ts';
import type { Registry } from './registry.ts';

/** What became of requests. */
export interface Traffic {
  readonly requests: number;
  /** Answered with 5xx, ended by a failure that is not the client's doing, or calls that say the service failed. */
  readonly errors: number;
  /** By bucket of `DURATION_BOUNDS_MS`; what never had an upstream is in none. */
  readonly durations: ArrayLike<number>;
}

/** Requests that were turned away before they had an upstream. No upstream is called so. */
export const NOWHERE = '';

/** More upstreams than this are told apart no more: what comes later counts for all of them together. */
const MAX_UPSTREAMS = 1_000;
const OTHERS = ' ';

/** Statuses by which a service says that it failed, and not that it was asked for the wrong thing. */
const SERVICE_FAILED: ReadonlySet<string> = new Set(
  [
    GRPC_STATUSES.unknown,
    GRPC_STATUSES.deadline_exceeded,
    GRPC_STATUSES.internal,
    GRPC_STATUSES.unavailable,
    GRPC_STATUSES.data_loss,
  ].map(String),
);

/**
 * Outbound requests by upstream since the process began, made of the counters of metrics when somebody asks: the data
 * path does nothing for it. Counters of a replaced plan or after ten idle minutes begin anew, so what is summed is what
 * each has grown by since the last look.
 */
export class TrafficTally {
  private readonly sums = new Map<string, Sum>();
  private seen = new Map<string, number>();

  constructor(private readonly registry: Registry) {}

  /** Whoever keeps it copies it. */
  read(): ReadonlyMap<string, Traffic> {
    const last = this.seen;
    this.seen = new Map();
    const grown = (key: string, value: number): number => {
      this.seen.set(key, value);
      const before = last.get(key) ?? 0;
      return value < before ? value : value - before;
    };
    this.registry.forEach('remora_requests_total', ([direction, upstream, status, code], key, instrument) => {
      if (direction !== 'outbound' || !(instrument instanceof Counter)) return;
      const count = grown(key, instrument.value);
      this.of(upstream!).add(count, isError(status!, code!) ? count : 0);
    });
    this.registry.forEach('remora_grpc_calls_total', (labels, key, instrument) => {
      const [direction, upstream, , , status, code] = labels;
      if (direction !== 'outbound' || code !== '' || !SERVICE_FAILED.has(status!)) return;
      if (instrument instanceof Counter) this.of(upstream!).add(0, grown(key, instrument.value));
    });
    this.registry.forEach('remora_request_duration_seconds', ([direction, upstream], key, instrument) => {
      if (direction !== 'outbound' || !(instrument instanceof Histogram)) return;
      const { durations } = this.of(upstream!);
      instrument.counts.forEach((count, bucket) => {
        durations[bucket]! += grown(`${key} ${bucket}`, count);
      });
    });
    this.registry.forEach('remora_rejects_total', ([listener, code], key, instrument) => {
      if (listener === 'inbound' || isClients(code!) || !(instrument instanceof Counter)) return;
      const count = grown(key, instrument.value);
      this.of(NOWHERE).add(count, count);
    });
    return this.sums;
  }

  private of(upstream: string): Sum {
    const name = this.sums.has(upstream) || this.sums.size < MAX_UPSTREAMS ? upstream : OTHERS;
    const known = this.sums.get(name);
    if (known !== undefined) return known;
    const sum = new Sum();
    this.sums.set(name, sum);
    return sum;
  }
}

class Sum implements Traffic {
  requests = 0;
  errors = 0;
  readonly durations = new Float64Array(DURATION_BOUNDS_MS.length + 1);

  add(requests: number, errors: number): void {
    this.requests += requests;
    this.errors += errors;
  }
}

function isError(status: string, code: string): boolean {
  return code === '' ? status === '5xx' : !isClients(code);
}

function isClients(code: string): boolean {
  return FAILURES[code as FailureCode].blame === 'client';
}
