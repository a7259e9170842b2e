import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Connector } from '../../http/conduit.ts';
import type { Fields } from '../../http/fields.ts';
import type { CheckOptions } from './options.ts';
import {
  type CheckResult,
  NO_PROBE,
  type Probe,
  type ProbeOwner,
  type Prober,
  type Verdict,
  WITHDRAWAL_FIELD,
} from './prober.ts';
import { Standing } from './standing.ts';
import type { Turnstile, Waiter } from './turnstile.ts';

/** What is checked. */
export interface Checked {
  readonly connector: Connector;
}

/** What all checks of a cluster have in common. Options and prober change on a reload. */
export interface CheckOwner<E extends Checked> {
  readonly options: CheckOptions;
  readonly prober: Prober;
  readonly turnstile: Turnstile;
  readonly clock: Clock;
  readonly random: Random;
  /** Has the upstream been asked for lately? */
  hasTraffic(now: number): boolean;
  /** One check is over, or an answer has said something. Told before `onChange`. */
  onResult(check: Check<E>, result: CheckResult, now: number): void;
  /** It is up or down now. */
  onChange(check: Check<E>, now: number): void;
}

const TIMEOUT: Verdict = { result: 'timeout', why: 'no answer in time', isFinal: false };
const WITHDRAWN: Verdict = { result: 'withdrawn', why: `an answer said ${WITHDRAWAL_FIELD}`, isFinal: true };

/**
 * The checks of one endpoint, one at a time.
 *
 *     resting --(interval)--> waiting for a turn --> asking --(verdict, timeout)--> resting
 *
 * The interval runs from the end of one check to the next, so an endpoint that takes long is not asked more often than
 * one that is quick. Without traffic it ends as often as with it, but mostly only to see whether there is traffic again.
 * There is one timer: an endpoint that rests has no time limit to keep.
 */
export class Check<E extends Checked = Checked> implements TimerOwner, ProbeOwner, Waiter {
  readonly standing = new Standing();
  /** The last one, for operators; null before the first. */
  last: { readonly verdict: Verdict; readonly at: number } | null = null;
  private phase: 'resting' | 'waiting' | 'asking' | 'stopped' = 'resting';
  private probe: Probe = NO_PROBE;
  /** When it is asked next if there is no traffic until then. */
  private seldomAt = 0;
  private readonly timer = new Timer(this);

  constructor(
    readonly endpoint: E,
    private readonly owner: CheckOwner<E>,
  ) {}

  /** The first comes by lot, so that endpoints that came together are not asked together; at once where it is waited for. */
  start(now: number): void {
    const { options, random } = this.owner;
    const isAwaited = this.standing.state === 'unknown' && options.newEndpoints === 'wait';
    this.seldomAt = now;
    this.rest(isAwaited ? 0 : random.next() * options.initialJitterMs, now);
  }

  /** Gives up what is on its way and begins anew, by the options there are now. What is known stays. */
  restart(now: number): void {
    this.giveUp(now);
    this.start(now);
  }

  /**
   * It wants no turn any more. Of all that are given up together, those who wait go before those who ask: else each that
   * is given up would give its turn to one that is given up next.
   */
  leaveLine(): void {
    if (this.phase !== 'waiting') return;
    this.owner.turnstile.forget(this.owner, this);
    this.phase = 'resting';
  }

  stop(now: number): void {
    this.giveUp(now);
    this.phase = 'stopped';
  }

  /** An ordinary answer of the endpoint. */
  read(head: Fields, now: number): void {
    if (!this.owner.options.heedsAnswers || head.get(WITHDRAWAL_FIELD) === null || this.standing.state === 'down')
      return;
    this.conclude(WITHDRAWN, now);
    if (this.phase === 'resting') this.restOn(now);
  }

  onTimer(_timer: Timer, now: number): void {
    const { turnstile } = this.owner;
    if (this.phase === 'resting') {
      if (now < this.seldomAt && !this.owner.hasTraffic(now)) return this.look(now);
      this.phase = 'waiting';
      return turnstile.enter(this.owner, this, now);
    }
    const { probe } = this;
    probe.abandon();
    if (probe.isAsked) this.settle(TIMEOUT, now);
    else this.skip(now);
  }

  onTurn(now: number): void {
    const { prober, options, clock } = this.owner;
    this.phase = 'asking';
    clock.arm(this.timer, now + options.timeoutMs);
    this.probe = prober.begin(this.endpoint.connector, this);
  }

  get now(): number {
    return this.owner.clock.now();
  }

  onVerdict(verdict: Verdict): void {
    this.settle(verdict, this.owner.clock.now());
  }

  private settle(verdict: Verdict, now: number): void {
    if (this.phase !== 'asking') return;
    this.probe = NO_PROBE;
    this.phase = 'resting';
    this.conclude(verdict, now);
    // Who heard of it may have stopped the checks.
    if (this.phase === 'resting') this.restOn(now);
    this.owner.turnstile.leave(now);
  }

  /** It is no evidence against an endpoint that it could not be asked. */
  private skip(now: number): void {
    this.probe = NO_PROBE;
    this.phase = 'resting';
    this.restOn(now);
    this.owner.turnstile.leave(now);
  }

  private conclude(verdict: Verdict, now: number): void {
    const { options } = this.owner;
    this.last = { verdict, at: now };
    const { standing } = this;
    const hasChanged = verdict.result === 'passed' ? standing.pass(options) : standing.fail(options, verdict.isFinal);
    this.owner.onResult(this, verdict.result, now);
    if (hasChanged) this.owner.onChange(this, now);
  }

  /** Without traffic nobody is hurt by what is learned late. */
  private restOn(now: number): void {
    const { options, random } = this.owner;
    this.seldomAt = now + options.noTrafficIntervalMs * (1 + options.jitter * random.next());
    this.look(now);
  }

  private look(now: number): void {
    this.rest(Math.min(this.intervalMs(), this.seldomAt - now), now);
  }

  private intervalMs(): number {
    const { options, random } = this.owner;
    const isAnxious = this.standing.state === 'down' || this.standing.isInDoubt;
    const baseMs = isAnxious ? options.unhealthyIntervalMs : options.intervalMs;
    return baseMs * (1 + options.jitter * random.next());
  }

  private rest(ms: number, now: number): void {
    this.owner.clock.arm(this.timer, now + ms);
  }

  private giveUp(now: number): void {
    this.leaveLine();
    const { phase } = this;
    const { clock, turnstile } = this.owner;
    this.phase = 'resting';
    clock.disarm(this.timer);
    if (phase !== 'asking') return;
    this.probe.abandon();
    this.probe = NO_PROBE;
    turnstile.leave(now);
  }
}
