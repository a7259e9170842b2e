/**
 * How long one exchange or tunnel has waited for a primary, or for the new owner of its key, all its stays together.
 */
export class HeldTime {
  ms = 0;
  /** 0: it does not wait. */
  private since = 0;

  reset(): void {
    this.ms = 0;
    this.since = 0;
  }

  begin(now: number): void {
    this.since = now;
  }

  /** Harmless for who does not wait. */
  end(now: number): void {
    if (this.since > 0) this.ms += now - this.since;
    this.since = 0;
  }
}
