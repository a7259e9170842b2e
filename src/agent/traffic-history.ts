import { type Clock, Timer } from '../base/clock.ts';
import { DURATION_BOUNDS_MS } from '../telemetry/instruments.ts';
import type { Traffic, TrafficTally } from '../telemetry/traffic-tally.ts';

/** Which upstreams are meant; null: all, and what never had one. */
export type Concerned = ReadonlySet<string> | null;

const STEP_MS = 30_000;
/** Five minutes: what a candidate is compared with. */
const STEPS = 10;

/**
 * How traffic was for the last five minutes, by upstream, so that there is something to compare a candidate with
 * whenever one comes. Costs nothing between two looks.
 */
export class TrafficHistory {
  private readonly marks: ReadonlyMap<string, Traffic>[] = [];
  private readonly timer = new Timer({ onTimer: (_timer, now) => this.note(now) });

  constructor(
    private readonly tally: Pick<TrafficTally, 'read'>,
    private readonly clock: Clock,
  ) {}

  start(signal: AbortSignal): void {
    this.note(this.clock.now());
    signal.addEventListener('abort', () => this.clock.disarm(this.timer), { once: true });
  }

  /** Since the beginning of what is remembered. */
  recent(concerned: Concerned): Traffic {
    return difference(sumOf(this.tally.read(), concerned), sumOf(this.marks[0] ?? new Map(), concerned));
  }

  /** Since the process began: to be given to `since`. */
  mark(concerned: Concerned): Traffic {
    return sumOf(this.tally.read(), concerned);
  }

  since(mark: Traffic, concerned: Concerned): Traffic {
    return difference(sumOf(this.tally.read(), concerned), mark);
  }

  private note(now: number): void {
    const copies = [...this.tally.read()].map(([name, traffic]) => [name, copyOf(traffic)] as const);
    this.marks.push(new Map(copies));
    if (this.marks.length > STEPS) this.marks.shift();
    this.clock.arm(this.timer, now + STEP_MS);
  }
}

function copyOf({ requests, errors, durations }: Traffic): Traffic {
  return { requests, errors, durations: Float64Array.from(durations) };
}

function sumOf(traffic: ReadonlyMap<string, Traffic>, concerned: Concerned): Traffic {
  const sum = { requests: 0, errors: 0, durations: new Float64Array(DURATION_BOUNDS_MS.length + 1) };
  for (const [name, { requests, errors, durations }] of traffic) {
    if (concerned !== null && !concerned.has(name)) continue;
    sum.requests += requests;
    sum.errors += errors;
    for (let bucket = 0; bucket < sum.durations.length; bucket++) sum.durations[bucket]! += durations[bucket]!;
  }
  return sum;
}

/** Never below zero, whichever upstreams came to be concerned in between. */
function difference(now: Traffic, then: Traffic): Traffic {
  return {
    requests: Math.max(0, now.requests - then.requests),
    errors: Math.max(0, now.errors - then.errors),
    durations: Array.from(now.durations, (count, bucket) => Math.max(0, count - then.durations[bucket]!)),
  };
}
