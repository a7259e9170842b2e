import type { Policy } from './policies.ts';
import { type StormSetup, StormSimulation } from './simulation.ts';
import type { Storm } from './storms.ts';
import type { StormTally } from './tally.ts';

/** What one policy made of one storm. */
export interface Weathered {
  readonly tally: StormTally;
  /** Attempts over requests: in the trouble, and in the worst ten seconds of all, which is what a budget is about. */
  readonly amplification: number;
  readonly worst: number;
  /** Share of requests that failed: in the trouble, and after it. */
  readonly failedIn: number;
  readonly failedAfter: number;
  /** Seconds from the end of the trouble until nearly all was well for good; null when it never was again. */
  readonly backAfter: number | null;
}

/** One request in a hundred may fail, for it to be called well. */
const WELL = 0.99;
const WINDOW_S = 10;

export function weather(setup: StormSetup, storm: Storm, policy: Policy): Weathered {
  const { tally } = new StormSimulation(setup, storm, policy).run();
  const { from, to } = storm;
  const { seconds } = setup;
  const each = Array.from({ length: seconds }, (_, second) => second);
  const lastIll = each.findLast((second) => second >= to && tally.goodShare(second, second + 1) < WELL) ?? to - 1;
  return {
    tally,
    amplification: tally.amplification(from, to),
    worst: Math.max(...each.slice(WINDOW_S).map((second) => tally.amplification(second - WINDOW_S, second))),
    failedIn: 1 - tally.goodShare(from, to),
    failedAfter: 1 - tally.goodShare(to, seconds),
    backAfter: lastIll === seconds - 1 ? null : lastIll + 1 - to,
  };
}
