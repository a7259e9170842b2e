export interface Thresholds {
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/**
 * What the checks of one endpoint say of it together.
 *
 *                passed                 `unhealthyThreshold` failures in a row, or a final one
 *     unknown ------------> up ------------------------------------------------------------> down
 *        |                   ^                                                                |
 *        |                   +--- `healthyThreshold` passes in a row, or the first ever ------+
 *        +---------------------------------- failed ------------------------------------------^
 *
 * One result decides about an endpoint that has never passed: nothing but discovery speaks for it, and a first success
 * must not have to wait.
 */
export class Standing {
  state: 'unknown' | 'up' | 'down' = 'unknown';
  /** Results in a row that speak against the state. */
  private run = 0;
  private hasPassed = false;

  /** It is up, and its last check failed. */
  get isInDoubt(): boolean {
    return this.state === 'up' && this.run > 0;
  }

  /** True when the state has changed. */
  pass({ healthyThreshold }: Thresholds): boolean {
    const isFirst = !this.hasPassed;
    this.hasPassed = true;
    if (this.state === 'up') {
      this.run = 0;
      return false;
    }
    this.run += 1;
    return (isFirst || this.run >= healthyThreshold) && this.enter('up');
  }

  /** True when the state has changed. */
  fail({ unhealthyThreshold }: Thresholds, isFinal: boolean): boolean {
    if (this.state === 'down') {
      this.run = 0;
      return false;
    }
    this.run += 1;
    return (isFinal || this.state === 'unknown' || this.run >= unhealthyThreshold) && this.enter('down');
  }

  private enter(state: 'up' | 'down'): true {
    this.state = state;
    this.run = 0;
    return true;
  }
}
