/**
 * How many requests of one cluster may be retries at the same time. The budget bounds how often there is one; this
 * bounds how much of a cluster's capacity they hold when each of them takes long (Envoy's max_retries).
 */
export class RetrySlots {
  inUse = 0;

  constructor(private most: number) {}

  /** For who comes from now on. */
  reconfigure(most: number): void {
    this.most = most;
  }

  /** Takes one, to be given back once, or answers false and takes nothing. */
  tryTake(): boolean {
    if (this.inUse >= this.most) return false;
    this.inUse += 1;
    return true;
  }

  giveBack(): void {
    this.inUse -= 1;
  }
}
