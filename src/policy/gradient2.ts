import type { LimitBounds, LimitLaw, LimitSample } from './limit-law.ts';

export interface Gradient2Options {
  /** The limit moves once in so many ms at most, and only after `minSamples` answers. */
  readonly windowMs: number;
  readonly minSamples: number;
  /** Share of each step that is taken. */
  readonly smoothing: number;
  /** How many may queue at the endpoints: what the limit grows by while nothing does. */
  readonly queueSize: number;
  /** Over how many windows the long-term latency is a mean. */
  readonly longWindow: number;
  /** So many times the long-term latency is no sign of a queue yet. */
  readonly rttTolerance: number;
}

/** The long-term latency begins as the plain mean of so many windows. */
const WARM_UP = 10;
const LEAST_GRADIENT = 0.5;
/** Endpoints that refuse so much of what they are sent are full, however quickly they refuse it. */
const DROPPED_SHARE = 0.1;
const DROPPED_GRADIENT = 0.9;

/**
 * The limit follows the slope of latency (Netflix, concurrency-limits, Gradient2):
 *
 *     gradient = clamp(rttTolerance x long / short, 0.5, 1)
 *     next     = limit x gradient + queueSize
 *     limit    = clamp((1 - smoothing) x limit + smoothing x next, min, max)
 *
 * `short` is the mean latency of the window that ends and `long` an exponential mean over many of them, which follows
 * down by a twentieth per window while it is more than twice of `short`: the latency of a bad hour is soon forgotten. A
 * window in which less than half of the limit was in use moves nothing, since it has not shown what more would do.
 *
 * Refusals bring no latency, and by latency alone an endpoint that refuses quickly would be a quick endpoint; so a
 * window with a tenth of them shrinks the limit by a tenth. What this law cannot do is to tell a service that became
 * slower for good from one that is overloaded for long: `long` learns either in `longWindow` windows, and `max` is the
 * bound then.
 */
export class Gradient2 implements LimitLaw {
  private whole: number;
  /** Of numbers with a fraction, of which each field of its own would be a piece of heap with every step. */
  private readonly state = new Float64Array(5);
  private samples = 0;
  private drops = 0;
  private most = 0;
  private seenWindows = 0;

  constructor(
    private readonly bounds: LimitBounds,
    private readonly options: Gradient2Options,
  ) {
    this.whole = Math.floor(bounds.initial);
    this.state[LIMIT] = bounds.initial;
    this.state[SLOPE] = 1;
  }

  get limit(): number {
    return this.whole;
  }

  get gradient(): number {
    return this.state[SLOPE]!;
  }

  /** The mean latency that is taken for normal, in ms. */
  get longRttMs(): number {
    return this.state[LONG]! / 1000;
  }

  observe({ rttUs, inFlight, didDrop }: LimitSample, now: number): void {
    const { state } = this;
    if (this.samples + this.drops === 0) state[ENDS_AT] = now + this.options.windowMs;
    if (didDrop) this.drops += 1;
    else {
      this.samples += 1;
      state[SUM]! += rttUs;
    }
    if (inFlight > this.most) this.most = inFlight;
    if (now < state[ENDS_AT]! || this.samples + this.drops < this.options.minSamples) return;
    this.step();
  }

  private step(): void {
    const { state, samples, drops, most, options, bounds } = this;
    const short = samples === 0 ? 0 : state[SUM]! / samples;
    const isRefusing = drops >= DROPPED_SHARE * (samples + drops);
    this.samples = 0;
    this.drops = 0;
    this.most = 0;
    state[SUM] = 0;
    if (samples > 0) this.learn(short);

    const limit = state[LIMIT]!;
    if (most < limit / 2 && !isRefusing) return;
    const long = state[LONG]!;
    const slope = short === 0 ? 1 : Math.max(LEAST_GRADIENT, Math.min(1, (options.rttTolerance * long) / short));
    const next = limit * (1 - options.smoothing) + (limit * slope + options.queueSize) * options.smoothing;
    const shrunk = isRefusing ? Math.min(next, limit * DROPPED_GRADIENT) : next;
    state[SLOPE] = isRefusing ? Math.min(slope, DROPPED_GRADIENT) : slope;
    state[LIMIT] = Math.max(bounds.min, Math.min(bounds.max, shrunk));
    this.whole = state[LIMIT]! | 0;
  }

  private learn(short: number): void {
    const { state, options } = this;
    const weight = this.seenWindows < WARM_UP ? 1 / (this.seenWindows + 1) : 2 / (options.longWindow + 1);
    if (this.seenWindows < WARM_UP) this.seenWindows += 1;
    state[LONG] = state[LONG]! + (short - state[LONG]!) * weight;
    if (state[LONG]! > 2 * short) state[LONG] = state[LONG]! * 0.95;
  }
}

const LIMIT = 0;
const SLOPE = 1;
const LONG = 2;
const ENDS_AT = 3;
const SUM = 4;
