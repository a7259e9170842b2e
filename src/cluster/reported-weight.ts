import type { Fields } from '../http/fields.ts';
import { type LoadReport, readLoadReport } from './load-report.ts';

export interface ReportedWeightsOptions {
  /** How long reports must have come before they are used. */
  readonly blackoutMs: number;
  /** How long the last one holds. */
  readonly expiryMs: number;
  /** How often weights are taken over into the schedule. */
  readonly updateMs: number;
  /** What the share of errors counts, as utilization. */
  readonly errorPenalty: number;
}

/** Those of gRPC's A58 and of Envoy. */
export const DEFAULT_REPORTED_WEIGHTS: ReportedWeightsOptions = {
  blackoutMs: 10_000,
  expiryMs: 180_000,
  updateMs: 1_000,
  errorPenalty: 1,
};

/** One for all: a report is used up before the next is read. */
const scratch: LoadReport = { cpu: 0, application: 0, qps: 0, eps: 0 };

/**
 * The weight an endpoint gives itself by what it reports (ORCA): requests per second it serves for each unit of its
 * load.
 *
 *     weight = qps / (utilization + eps / qps * errorPenalty)
 *
 * The utilization is the application's, or else the CPU's. A weight is used only after reports have come for
 * `blackout`, since the first ones speak of a process that is warming up or has seen nothing yet, and no longer than
 * `expiry` after the last, since silence says nothing of a load. A report without load or requests is none.
 */
export class ReportedWeight {
  taken = 0;
  /** Without requests or without load. */
  unusable = 0;
  malformed = 0;
  private weight = 0;
  private reportedAt = Number.NEGATIVE_INFINITY;
  /** When the unbroken row of reports began; infinite before it did. */
  private beganAt = Number.POSITIVE_INFINITY;

  constructor(private options: ReportedWeightsOptions) {}

  reconfigure(options: ReportedWeightsOptions): void {
    this.options = options;
  }

  /** Takes the report among the fields of a head or of trailers, if there is one. */
  read(fields: Fields, now: number): void {
    const reading = readLoadReport(fields, scratch);
    if (reading === 'absent') return;
    const weight = reading === 'read' ? weightOf(scratch, this.options.errorPenalty) : 0;
    if (weight > 0) this.take(weight, now);
    else if (reading === 'read') this.unusable += 1;
    else this.malformed += 1;
  }

  /** 0 while there is none to be used. */
  at(now: number): number {
    if (now - this.reportedAt >= this.options.expiryMs) return 0;
    return now - this.beganAt < this.options.blackoutMs ? 0 : this.weight;
  }

  /** It may be another process from now on. */
  restart(): void {
    this.beganAt = Number.POSITIVE_INFINITY;
  }

  private take(weight: number, now: number): void {
    if (this.beganAt === Number.POSITIVE_INFINITY || now - this.reportedAt >= this.options.expiryMs) this.beganAt = now;
    this.reportedAt = now;
    this.weight = weight;
    this.taken += 1;
  }
}

function weightOf({ cpu, application, qps, eps }: LoadReport, errorPenalty: number): number {
  const utilization = application > 0 ? application : cpu;
  if (utilization <= 0 || qps <= 0) return 0;
  const weight = qps / (utilization + (eps / qps) * errorPenalty);
  return Number.isFinite(weight) ? weight : 0;
}
