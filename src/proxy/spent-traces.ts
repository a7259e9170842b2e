import { ownText } from '../base/own-text.ts';

/** As many, for as long: a call chain that is older has been answered or given up. */
const MOST = 4_096;
const REMEMBERED_MS = 10_000;

/**
 * The traces for which this sidecar has tried again in vain, or would have and must not: of their requests no caller
 * further up should try again either, or retries multiply along the chain.
 *
 * The application between our outbound and our inbound side passes on the context of a trace, and seldom a field of an
 * answer. So outbound writes here, and inbound says `x-remora-retry: no` with the application's failure. Oldest first:
 * what is told again moves to the end.
 */
export class SpentTraces {
  /** How many were forgotten for want of room, before their time. */
  dropped = 0;
  private readonly until = new Map<string, number>();

  get size(): number {
    return this.until.size;
  }

  add(traceId: string, now: number): void {
    this.until.delete(traceId);
    if (this.until.size >= MOST) this.forgetOldest(now);
    this.until.set(ownText(traceId), now + REMEMBERED_MS);
  }

  has(traceId: string, now: number): boolean {
    const until = this.until.get(traceId);
    return until !== undefined && now < until;
  }

  private forgetOldest(now: number): void {
    for (const [traceId, until] of this.until) {
      if (now < until) this.dropped += 1;
      this.until.delete(traceId);
      return;
    }
  }
}
