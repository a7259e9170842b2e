import { NO_GRPC_STATUS } from '../http/grpc.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type { PlanLabels } from '../proxy/labels.ts';
import type { ExchangeRecord } from '../proxy/observer.ts';
import type { Counter, Histogram } from './instruments.ts';
import type { Lease, Registry } from './registry.ts';
import { type RpcMethod, rpcMethodOf } from './rpc-method.ts';

/**
 * More methods than this in one plan share the labels `other`. A large service has some dozens, and each is 20 lines or
 * so.
 */
const MAX_METHODS = 100;

const OTHER: RpcMethod = { service: 'other', method: 'other' };

/**
 * The gRPC calls of one plan, by method and by how they ended. A method is bound at its first call.
 *
 * Who calls chooses the path, so a method earns its name from an endpoint that knows it: what ends as UNIMPLEMENTED, or
 * never reached an endpoint, is `other` as long as the method is not known. So a scan leaves one series and not a
 * hundred.
 */
export class CallMetrics {
  private readonly methods = new Map<string, MethodSeries>();
  private unnamed: UnnamedSeries | null = null;

  constructor(
    private readonly registry: Registry,
    private readonly labels: PlanLabels,
  ) {}

  count(record: ExchangeRecord): void {
    const { head, endedAt, startedAt } = record;
    const known = this.methods.get(head.path);
    const series = known?.lease.isHeld ? known : this.follow(record);
    series.lease.usedAt = endedAt;
    series.finished(record).value += 1;
    series.duration.record(endedAt - startedAt);
  }

  private follow(record: ExchangeRecord): MethodSeries {
    if (this.methods.size >= MAX_METHODS) this.forgetIdle();
    const method = isEarned(record) && this.methods.size < MAX_METHODS ? rpcMethodOf(record.head.path) : null;
    if (method === null) return this.other(record.endedAt);
    const series = new MethodSeries(this.registry.lease(), this.labels, method);
    this.methods.set(`/${method.service}/${method.method}`, series);
    return series;
  }

  private other(now: number): MethodSeries {
    if (!this.unnamed?.series.lease.isHeld) this.unnamed = new UnnamedSeries(this.registry.lease(), this.labels);
    this.unnamed.calls.value += 1;
    this.unnamed.series.lease.usedAt = now;
    return this.unnamed.series;
  }

  private forgetIdle(): void {
    for (const [path, { lease }] of this.methods) if (!lease.isHeld) this.methods.delete(path);
  }
}

function isEarned({ answeredBy, grpcStatus }: ExchangeRecord): boolean {
  return answeredBy !== null && answeredBy.firstByteAt > 0 && grpcStatus !== GRPC_STATUSES.unimplemented;
}

class MethodSeries {
  readonly duration: Histogram;
  /** By how calls ended; a pair is bound when it first happens. */
  private readonly counts = new Map<string, Counter>();

  constructor(
    readonly lease: Lease,
    private readonly labels: PlanLabels,
    private readonly rpc: RpcMethod,
  ) {
    const { direction, upstream } = labels;
    this.duration = lease.histogram('remora_grpc_call_duration_seconds', [
      direction,
      upstream,
      rpc.service,
      rpc.method,
    ]);
  }

  finished({ grpcStatus, code }: ExchangeRecord): Counter {
    const status = grpcStatus === NO_GRPC_STATUS ? '' : grpcStatus > MAX_STATUS ? 'other' : String(grpcStatus);
    const key = code === null ? status : `${status} ${code}`;
    const known = this.counts.get(key);
    if (known !== undefined) return known;
    const { direction, upstream } = this.labels;
    const { service, method } = this.rpc;
    const labels = [direction, upstream, service, method, status, code ?? ''] as const;
    const counter = this.lease.counter('remora_grpc_calls_total', labels);
    this.counts.set(key, counter);
    return counter;
  }
}

/** The last status there is; endpoints may say what they like. */
const MAX_STATUS = GRPC_STATUSES.unauthenticated;

class UnnamedSeries {
  readonly series: MethodSeries;
  readonly calls: Counter;

  constructor(lease: Lease, labels: PlanLabels) {
    this.series = new MethodSeries(lease, labels, OTHER);
    this.calls = lease.counter('remora_grpc_calls_unnamed_total', [labels.direction, labels.upstream]);
  }
}
