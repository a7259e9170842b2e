import type { Random } from '../base/random.ts';
import type { BreakerOptions, RetryOptions } from './options.ts';

/** How long to wait before the n-th try again, n from 1. */
export interface Backoff {
  delayMs(n: number): number;
}

/**
 * Full jitter: anything between 0 and a bound that grows with every attempt. Of the usual jitters it spreads a crowd of
 * callers best, and a retry here goes to another endpoint most of the time, so that a short wait does no harm.
 */
export class FullJitter implements Backoff {
  constructor(
    private readonly options: Pick<RetryOptions, 'backoffMs' | 'maxBackoffMs'>,
    private readonly random: Random,
  ) {}

  delayMs(n: number): number {
    const { backoffMs, maxBackoffMs } = this.options;
    return this.random.next() * Math.min((2 ** n - 1) * backoffMs, maxBackoffMs);
  }
}

/** A cool-down's last quarter is chance, so that the sidecars which tripped together do not probe together. */
const JITTER = 0.25;

/** A breaker's cool-down: doubles with every trip in a row, up to a maximum that jitter never exceeds. */
export class CoolDown implements Backoff {
  constructor(
    private readonly options: Pick<BreakerOptions, 'coolDownMs' | 'maxCoolDownMs'>,
    private readonly random: Random,
  ) {}

  delayMs(n: number): number {
    const { coolDownMs, maxCoolDownMs } = this.options;
    return Math.min(coolDownMs * 2 ** (n - 1), maxCoolDownMs) * (1 - JITTER * this.random.next());
  }
}
