/** What has idle connections that can be closed to make room for others: the pool of one endpoint. */
export interface IdleHolder {
  readonly idleCount: number;
  /** Closes the connection that has been idle for longest; there is one. */
  closeIdle(): void;
}

/** How many connections may be open, as a pool sees it. */
export interface Connections {
  /** Another would be opened at the cost of an idle one, or not at all. */
  readonly isFull: boolean;
  /** May one more be opened? It is counted if so, until `closed`. */
  tryOpen(): boolean;
  closed(): void;
  /** One that was in use is free to be used again. */
  rested(): void;
  join(holder: IdleHolder): void;
  leave(holder: IdleHolder): void;
}

/** As many as anybody wants. */
export const UNLIMITED: Connections = {
  isFull: false,
  tryOpen: () => true,
  closed: () => undefined,
  rested: () => undefined,
  join: () => undefined,
  leave: () => undefined,
};

/**
 * At most so many connections to all endpoints of a cluster, tunnels included.
 *
 * An idle connection to one endpoint is worth less than one that is needed to another, so it is closed to make room; by
 * turns, for each endpoint has as good a chance as the next to be needed soon. Only where all carry something is
 * nothing opened. An HTTP/2 connection that says goodbye is counted until it is gone, and not waited for.
 */
export class ConnectionLimit implements Connections {
  open = 0;
  /** Since the start. */
  refused = 0;
  /** Idle ones that were closed for others. */
  displaced = 0;
  /** Told when the limit was reached, and may be so no more. It must not open any inside the call. */
  onRoom: () => void = () => undefined;
  private readonly holders: IdleHolder[] = [];
  private turn = 0;

  constructor(private most: number) {}

  get isFull(): boolean {
    return this.open >= this.most;
  }

  get max(): number {
    return this.most;
  }

  /** Those that are open stay so, also when there are more of them now than may be. */
  reconfigure(most: number): void {
    const isMore = most > this.most;
    this.most = most;
    if (isMore) this.onRoom();
  }

  tryOpen(): boolean {
    if (this.open >= this.most && !this.displace()) {
      this.refused += 1;
      return false;
    }
    this.open += 1;
    return true;
  }

  closed(): void {
    const wasFull = this.open >= this.most;
    this.open -= 1;
    if (wasFull) this.onRoom();
  }

  rested(): void {
    if (this.open >= this.most) this.onRoom();
  }

  join(holder: IdleHolder): void {
    this.holders.push(holder);
  }

  leave(holder: IdleHolder): void {
    const index = this.holders.indexOf(holder);
    if (index >= 0) this.holders.splice(index, 1);
  }

  /** Whoever has idle ones gives one up. */
  private displace(): boolean {
    const { holders } = this;
    for (let looked = 0; looked < holders.length; looked++) {
      this.turn = (this.turn + 1) % holders.length;
      const holder = holders[this.turn]!;
      if (holder.idleCount === 0) continue;
      holder.closeIdle();
      this.displaced += 1;
      return true;
    }
    return false;
  }
}
