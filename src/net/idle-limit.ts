/** A server closes at its timeout; leaving a while before that keeps requests off a connection that is about to go. */
export const KEEP_SHARE = 0.8;
/** No share of a short time is enough for a request to get there in. */
const LEAST_MARGIN_MS = 50;

/** A close so soon after an answer has another reason than patience. */
const LEAST_AGE_MS = 200;
/** Closes that are no further apart have one cause. */
const SAME_CAUSE_MS = 100;
/** Two ages so near one another are one timeout seen twice. */
const LIKENESS = 1.25;
const SLACK_MS = 50;
const SEEN = 8;
/** What is not seen again for so long may have changed: then connections rest longer again, until it is. */
const KEPT_MS = 3_600_000;
const NEVER = Number.POSITIVE_INFINITY;

export type IdleSource = 'configured' | 'told' | 'learned';

/**
 * How long connections to one endpoint may rest before its server would close them.
 *
 *     configured (http.upstreamIdle)   told (Keep-Alive: timeout=)   learned (closes of resting connections)
 *                     \________________________ the least of them ________________________/
 *
 * Servers close an idle connection at a timeout of theirs, and mostly do not say which. A request that is sent as they
 * close is lost. So the age at which they close is learned: when two closes at different times agree on it, connections
 * are left at four fifths of it from then on, and one that is older is never lent.
 *
 * A server that stops closes connections too, of all ages at once and with those that are in use: what comes together
 * and does not agree, or comes with a loss, says nothing. Nor does a close right after an answer.
 */
export class IdleLimit {
  /** How long one may rest. The told timeout is each connection's own. */
  ms: number;
  private toldMs = NEVER;
  private readonly ages = new Float64Array(SEEN).fill(NEVER);
  private readonly seenAt = new Float64Array(SEEN);
  private next = 0;
  /** The closes that are looked at: when the last of them came, and the least age. */
  private closedAt = -NEVER;
  private closedMs = NEVER;
  private isJudging = false;
  private isLoss = false;
  private lostAt = -NEVER;
  private looksAt = NEVER;

  constructor(private readonly configuredMs: number) {
    this.ms = configuredMs;
  }

  /** For operators: what holds for the next connection, and who says so. */
  get source(): IdleSource {
    if (this.toldMs < this.ms) return 'told';
    return this.ms < this.configuredMs ? 'learned' : 'configured';
  }

  get shownMs(): number {
    return Math.min(this.toldMs, this.ms);
  }

  /** The server says how long it waits; negative: it says nothing. Answers how long this connection may rest for it. */
  told(ms: number): number {
    this.toldMs = ms < 0 ? NEVER : ms * KEEP_SHARE;
    return this.toldMs;
  }

  /** The endpoint has closed a connection that had rested for so long. */
  closed(restedMs: number, now: number): void {
    this.look(now);
    if (restedMs < LEAST_AGE_MS) return;
    if (!this.isJudging) {
      this.isJudging = true;
      this.isLoss = now - this.lostAt < SAME_CAUSE_MS;
      this.closedMs = restedMs;
    } else {
      this.isLoss ||= !isAlike(restedMs, this.closedMs);
      this.closedMs = Math.min(restedMs, this.closedMs);
    }
    this.closedAt = now;
    this.looksAt = Math.min(this.looksAt, now + SAME_CAUSE_MS);
  }

  /** A connection could not be opened, or was lost with a request on it: closes at this time are no patience's end. */
  lost(now: number): void {
    this.lostAt = now;
    if (this.isJudging && now - this.closedAt < SAME_CAUSE_MS) this.isLoss = true;
  }

  /** Brings `ms` up to date. */
  look(now: number): void {
    if (now >= this.looksAt) this.reckon(now);
  }

  private reckon(now: number): void {
    if (this.isJudging && now - this.closedAt >= SAME_CAUSE_MS) {
      this.isJudging = false;
      if (!this.isLoss) this.remember();
    }
    let oldest = NEVER;
    for (let i = 0; i < SEEN; i++) {
      if (now - this.seenAt[i]! >= KEPT_MS) this.ages[i] = NEVER;
      if (this.ages[i]! < NEVER) oldest = Math.min(oldest, this.seenAt[i]!);
    }
    const timeoutMs = this.confirmedMs();
    this.ms = Math.min(this.configuredMs, timeoutMs - Math.max(LEAST_MARGIN_MS, timeoutMs * (1 - KEEP_SHARE)));
    if (timeoutMs === NEVER) this.ms = this.configuredMs;
    this.looksAt = Math.min(oldest + KEPT_MS, this.isJudging ? this.closedAt + SAME_CAUSE_MS : NEVER);
  }

  private remember(): void {
    this.ages[this.next] = this.closedMs;
    this.seenAt[this.next] = this.closedAt;
    this.next = (this.next + 1) % SEEN;
  }

  /** The least age that was seen twice. */
  private confirmedMs(): number {
    let least = NEVER;
    for (let i = 0; i < SEEN; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [this.ages[i]!, this.ages[j]!];
        if (a < NEVER && b < NEVER && isAlike(a, b)) least = Math.min(least, a, b);
      }
    }
    return least;
  }
}

function isAlike(a: number, b: number): boolean {
  return Math.max(a, b) <= Math.min(a, b) * LIKENESS + SLACK_MS;
}
