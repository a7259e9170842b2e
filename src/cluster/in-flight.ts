/** What is in flight on all endpoints of one picker together, kept while it is picked from. */
export class Tally {
  count = 0;
  /** False before the first pick, and after the picker was replaced. */
  isKept = false;
}

const NONE: readonly Tally[] = [];

/**
 * Attempts in flight on one endpoint, and the tallies that they count in.
 *
 * A picker that needs a sum joins at its first pick, and not when it is built, because some that are built are never
 * used. A cluster that swaps its pickers makes everyone leave: so nothing is counted for pickers that are gone, and one
 * that an exchange still holds joins once more.
 */
export class InFlight {
  private attempts = 0;
  private tallies = NONE;

  get count(): number {
    return this.attempts;
  }

  set count(count: number) {
    const change = count - this.attempts;
    this.attempts = count;
    for (let i = 0; i < this.tallies.length; i++) this.tallies[i]!.count += change;
  }

  get tallyCount(): number {
    return this.tallies.length;
  }

  join(tally: Tally): void {
    this.tallies = [...this.tallies, tally];
    tally.count += this.attempts;
  }

  leaveAll(): void {
    for (const tally of this.tallies) tally.isKept = false;
    this.tallies = NONE;
  }
}
