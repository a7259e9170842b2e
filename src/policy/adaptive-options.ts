import type { AimdOptions } from './aimd.ts';
import type { CriticalityName } from './criticality.ts';
import type { Gradient2Options } from './gradient2.ts';
import type { LimitBounds } from './limit-law.ts';

/** `observe`: the limit is learned and what it would have refused is counted, but nobody is refused. */
export const ADAPTIVE_MODES = ['off', 'observe', 'enforce'] as const;
export type AdaptiveMode = (typeof ADAPTIVE_MODES)[number];

export const ADAPTIVE_ALGORITHMS = ['gradient2', 'aimd'] as const;
export type AdaptiveAlgorithm = (typeof ADAPTIVE_ALGORITHMS)[number];

/** What is learned by. Where it stays the same over a change of configuration, so does what was learned. */
export interface LawOptions extends LimitBounds {
  readonly algorithm: AdaptiveAlgorithm;
  readonly gradient2: Gradient2Options;
  readonly aimd: AimdOptions;
}

export interface AdaptiveOptions {
  readonly mode: AdaptiveMode;
  readonly law: LawOptions;
  /** Of the limit, what each criticality may use at most; `critical_plus` may use all of it. */
  readonly shares: Readonly<Record<Exclude<CriticalityName, 'critical_plus'>, number>>;
}

/**
 * The numbers are Netflix's but for two. Its floor of 20 would leave a service without protection that takes ten at a
 * time. Its windows of a second let the limit grow by less than one per second, so they are shorter, and there are more
 * of them in the long mean: ten minutes, as there. The ceiling is Netflix's and not Envoy's 1000, since one Node process
 * seldom takes more at once; a large service says more.
 *
 * A tenth is kept for what is marked as more important than the rest, without which the mark would come too late: a
 * limit that is reached is full of what was there first.
 */
export const DEFAULT_ADAPTIVE: AdaptiveOptions = {
  mode: 'observe',
  law: {
    algorithm: 'gradient2',
    min: 10,
    max: 200,
    initial: 20,
    gradient2: { windowMs: 250, minSamples: 10, smoothing: 0.2, queueSize: 4, longWindow: 2_400, rttTolerance: 1.5 },
    aimd: { backoffRatio: 0.9, timeoutMs: 5_000 },
  },
  shares: { critical: 0.9, sheddable_plus: 0.75, sheddable: 0.5 },
};
