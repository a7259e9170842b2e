import type { RetryOptions } from '../policy/options.ts';
import { RetryRules } from '../policy/retry-rules.ts';
import type { RetrySlots } from '../policy/retry-slots.ts';
import type { SpentTraces } from './spent-traces.ts';

/**
 * What a plan has for retries besides its numbers. The slots live on when a plan is replaced; the traces are the
 * process's.
 */
export class Retrying {
  readonly rules: RetryRules;

  constructor(
    options: RetryOptions,
    readonly slots: RetrySlots,
    readonly spent: SpentTraces,
  ) {
    this.rules = new RetryRules(options);
  }
}
