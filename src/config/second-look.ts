import { type Clock, Timer } from '../base/clock.ts';
import { READABLE } from './named-files.ts';
import type { Problem } from './problems.ts';
import { isUnjudgeable } from './unjudgeable.ts';

/** How soon something is tried again though nothing has changed, and how seldom at last. */
export interface Patience {
  readonly floorMs: number;
  readonly capMs: number;
}

/** A file that is named somewhere is not there: most are on their way. */
const MISSING: Patience = { floorMs: 2_000, capMs: 60_000 };
/** No document is to blame: something was short that is there again soon, memory mostly. */
export const UNJUDGED: Patience = { floorMs: 1_000, capMs: 60_000 };
/** A document that could not be judged costs 10 s of a processor each time. But it may have been a machine that was slow. */
const REFUSED: Patience = { floorMs: 60_000, capMs: 3_600_000 };

/** What another file than the configuration mends. */
export function isMissing({ expected }: Problem): boolean {
  return expected === READABLE;
}

/** Null: only another document mends these. */
export function patienceWith(problems: readonly Problem[]): Patience | null {
  if (problems.some(isMissing)) return MISSING;
  return problems.some(isUnjudgeable) ? REFUSED : null;
}

/** Tries again what may mend itself, half as often each time, until nothing is wrong. */
export class SecondLook {
  private tries = 0;
  private readonly timer: Timer;

  constructor(
    private readonly clock: Clock,
    look: () => void,
  ) {
    this.timer = new Timer({ onTimer: look });
  }

  /** Null: nothing is wrong that may mend itself. */
  want(patience: Patience | null): void {
    if (patience === null) return this.end();
    if (this.timer.isArmed) return;
    const delayMs = Math.min(patience.capMs, patience.floorMs * 2 ** Math.min(this.tries, 20));
    this.tries += 1;
    this.clock.arm(this.timer, this.clock.now() + delayMs);
  }

  end(): void {
    this.tries = 0;
    this.clock.disarm(this.timer);
  }
}
