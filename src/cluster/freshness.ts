/** A report older than this says nothing any more, so that a replica which was left out for its lag is asked again. */
const REPORT_MS = 10_000;

/** How far an endpoint is behind its primary, as its answers say. Kept with the live endpoint, as its latency is. */
export class Freshness {
  /** The last position in the primary's history that it said to have applied; -1 before it says one. */
  position = -1;
  private lagMs = -1;
  private saidAt = 0;

  reportLag(lagMs: number, now: number): void {
    this.lagMs = lagMs;
    this.saidAt = now;
  }

  /** A position only grows; an answer that was long on its way takes nothing back. */
  reportPosition(position: number): void {
    if (position > this.position) this.position = position;
  }

  /** In ms; -1 when it has not said for a while. */
  lagAt(now: number): number {
    return now - this.saidAt <= REPORT_MS ? this.lagMs : -1;
  }
}
