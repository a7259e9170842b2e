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
/** A limit of which so much is in use is full: what is not `critical_plus` may have nine tenths of it. */
const FULL_SHARE = 0.8;
/** Nobody is held to a limit that so many times as many pass. */
const IGNORED_SHARE = 1.5;
/** It is full for so long before it is measured what an answer takes without it, ... */
const CHECK_AFTER_MS = 150_000;
/** ... and the measurement takes no longer than that. */
const MAX_CHECK_MS = 2_000;

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
 * window with a tenth of them shrinks the limit by a tenth.
 *
 * Under a load that fills whatever limit there is, each answer waits in a queue which the limit allows, `long` would take
 * that for normal, and the limit would grow to `max` within twenty minutes. So a limit that is full for long is lowered to
 * `min` for as long as `minSamples` answers take, and what these take is `long` from then on (Envoy's minRTT). A service
 * that became slower for good is known by that, too.
 */
export class Gradient2 implements LimitLaw {
  private whole: number;
  /** Of numbers with a fraction, of which each field of its own would be a piece of heap with every step. */
  private readonly state = new Float64Array(6);
  private samples = 0;
  private drops = 0;
  private most = 0;
  private seenWindows = 0;
  /** It is measured what an answer takes without a queue. */
  private isChecking = false;

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

  observe(sample: LimitSample, now: number): void {
    if (this.isChecking) return this.check(sample, now);
    const { rttUs, inFlight, didDrop } = sample;
    const { state } = this;
    // After a rest nothing is known of how full it has been.
    if (now - state[ENDS_AT]! > CHECK_AFTER_MS) state[FULL_SINCE] = now;
    if (this.samples + this.drops === 0) state[ENDS_AT] = now + this.options.windowMs;
    if (didDrop) this.drops += 1;
    else {
      this.samples += 1;
      state[SUM]! += rttUs;
    }
    if (inFlight > this.most) this.most = inFlight;
    if (now < state[ENDS_AT]! || this.samples + this.drops < this.options.minSamples) return;
    const { most } = this;
    const isFull = most >= FULL_SHARE * state[LIMIT]! && most <= IGNORED_SHARE * state[LIMIT]!;
    if (!isFull) state[FULL_SINCE] = now;
    this.step();
    if (now - state[FULL_SINCE]! >= CHECK_AFTER_MS) this.beginCheck(now);
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

  private beginCheck(now: number): void {
    this.isChecking = true;
    this.whole = this.bounds.min;
    this.state[ENDS_AT] = now + MAX_CHECK_MS;
  }

  /** Only those count that were admitted to few: others were among those who queue. */
  private check({ rttUs, inFlight, didDrop }: LimitSample, now: number): void {
    const { state, bounds, options } = this;
    if (!didDrop && inFlight <= bounds.min) {
      this.samples += 1;
      state[SUM]! += rttUs;
    }
    const isEnough = this.samples >= options.minSamples;
    if (!isEnough && now < state[ENDS_AT]!) return;
    if (isEnough) state[LONG] = state[SUM]! / this.samples;
    this.samples = 0;
    state[SUM] = 0;
    state[FULL_SINCE] = now;
    this.isChecking = false;
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
const FULL_SINCE = 5;
