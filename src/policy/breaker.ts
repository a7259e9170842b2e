import type { Random } from '../base/random.ts';
import { type Backoff, CoolDown } from './backoff.ts';
import type { Evidence } from './evidence.ts';
import { type Gate, REFUSED, type Ticket } from './gate.ts';
import type { BreakerOptions } from './options.ts';
import { TripRule } from './trip-rule.ts';

export type BreakerState = 'closed' | 'open' | 'probing';

export interface BreakerListener {
  onBreakerChange(from: BreakerState, to: BreakerState, now: number): void;
}

/**
 * A circuit breaker around one endpoint.
 *
 *              too many failures               cool-down over, next attempt
 *     closed --------------------> open ---------------------------------> probing
 *       ^                           ^                                       |   |
 *       |                           +------------ the probe failed ---------+   |
 *       +-------------------------------- the probe succeeded ------------------+
 *
 * An endpoint that was left out for another reason comes back the same way: `probe` makes a closed circuit probing.
 *
 * Closed: attempts flow. Open: none is admitted. Probing: one at a time is admitted, and only it decides what comes
 * next. A probe that proves nothing (its client went away) gives its place to the next attempt. So does one that takes
 * longer than the longest cool-down: a long poll must not keep the circuit from closing.
 *
 * Attempts outlive states: one that was admitted before the trip may settle in the middle of a probe. A ticket is
 * therefore the number of the era that issued it, every transition and every probe begins a new era, and what settles
 * with another era's ticket is dropped.
 */
export class Breaker implements Gate {
  readonly refusal = 'circuit_open';
  private rule!: TripRule;
  private coolDown!: Backoff;
  private options!: BreakerOptions;
  private current: BreakerState = 'closed';
  private era: Ticket = REFUSED + 1;
  private tripCount = 0;
  private tripsInRow = 0;
  /** Open: when a probe may go. Probing: when the probe that is out has lost its place; 0 when none is out. */
  private admitsAt = 0;

  constructor(
    options: BreakerOptions,
    private readonly random: Random,
    private readonly listener: BreakerListener,
  ) {
    this.reconfigure(options);
  }

  /** Judges by other options from now on. State and era stay; failures counted by the old options do not. */
  reconfigure(options: BreakerOptions): void {
    this.options = options;
    this.rule = new TripRule(options);
    this.coolDown = new CoolDown(options, this.random);
  }

  /** Open until somebody probes, also when the cool-down is over. */
  get state(): BreakerState {
    return this.current;
  }

  /** How often it opened since the start, failed probes included. */
  get trips(): number {
    return this.tripCount;
  }

  canAdmit(now: number): boolean {
    return this.current === 'closed' || now >= this.admitsAt;
  }

  admit(now: number): Ticket {
    if (!this.canAdmit(now)) return REFUSED;
    if (this.current === 'closed') return this.era;
    if (this.current === 'open') this.enter('probing', now);
    this.admitsAt = now + this.options.maxCoolDownMs;
    this.era += 1;
    return this.era;
  }

  settle(ticket: Ticket, evidence: Evidence, now: number): void {
    if (ticket !== this.era) return;
    if (this.current === 'probing') this.settleProbe(evidence, now);
    else if (evidence.outcome === 'success') this.rule.recordSuccess(now);
    else if (evidence.outcome === 'failure' && this.rule.recordFailure(now)) this.open(evidence, now);
  }

  /** What was counted has been acted on elsewhere. */
  forget(): void {
    this.rule.reset();
  }

  /**
   * Attempts are let in one at a time from now on, and the first that proves something decides. Who is open is so
   * anyway.
   */
  probe(now: number): void {
    if (this.current !== 'closed') return;
    this.admitsAt = 0;
    this.enter('probing', now);
  }

  private settleProbe(evidence: Evidence, now: number): void {
    switch (evidence.outcome) {
      case 'failure':
        return this.open(evidence, now);
      case 'ignored':
        this.admitsAt = 0;
        this.era += 1;
        return;
      case 'success':
        this.tripsInRow = 0;
        this.rule.reset();
        this.enter('closed', now);
    }
  }

  /** An endpoint that asks for a longer rest gets it, up to the longest cool-down. */
  private open(evidence: Evidence, now: number): void {
    this.tripCount += 1;
    this.tripsInRow += 1;
    const asked = Math.min(evidence.pushbackMs, this.options.maxCoolDownMs);
    this.admitsAt = now + Math.max(this.coolDown.delayMs(this.tripsInRow), asked);
    this.enter('open', now);
  }

  private enter(to: BreakerState, now: number): void {
    const from = this.current;
    this.current = to;
    this.era += 1;
    this.listener.onBreakerChange(from, to, now);
  }
}
