import { FieldList, type Fields } from '../../src/http/fields.ts';

const SECOND_MS = 1000;

/**
 * What servers say of their load with each answer (ORCA), as of the last second: requests they answered, and how much of
 * their time these took, where 1 is as many at once as a server carries.
 */
export class LoadReports {
  private readonly answered: Uint32Array;
  private readonly spentMs: Float64Array;
  private reports: (Fields | null)[];
  private secondEndsAt = 0;

  constructor(
    servers: number,
    private readonly carries: number,
  ) {
    this.answered = new Uint32Array(servers);
    this.spentMs = new Float64Array(servers);
    this.reports = new Array<Fields | null>(servers).fill(null);
  }

  count(server: number, tookMs: number, now: number): void {
    if (now >= this.secondEndsAt) this.write(now);
    this.answered[server]! += 1;
    this.spentMs[server]! += tookMs;
  }

  /** Null when it has answered nothing in that second. */
  of(server: number): Fields | null {
    return this.reports[server]!;
  }

  private write(now: number): void {
    this.reports = Array.from(this.answered, (answered, server) => {
      if (answered === 0) return null;
      const utilization = this.spentMs[server]! / SECOND_MS / this.carries;
      const report = `TEXT application_utilization=${utilization.toFixed(6)},rps_fractional=${answered}`;
      return new FieldList().add('endpoint-load-metrics', report);
    });
    this.answered.fill(0);
    this.spentMs.fill(0);
    this.secondEndsAt = now + SECOND_MS;
  }
}
