import { DEFAULT_EJECTION, DETECTOR_MODES, type RowOptions } from '../../policy/outlier/options.ts';
import { defaulted, group, optional, section } from '../field.ts';
import { formatDuration } from '../units.ts';
import { choice, count, decimal, duration, ratio } from '../values.ts';

const MOST = 1_000_000;
const MODES = DETECTOR_MODES;
const COMPARED = '`enforce`; `observe` with a balancer that hashes';
const { successRate, failurePercentage, latency } = DEFAULT_EJECTION;

function row({ mode, count: most }: RowOptions, what: string) {
  return section({
    mode: defaulted(choice(MODES), mode, {
      scope: 'mesh',
      meaning: `Whether ${what} eject an endpoint, or are only counted. Off, since its circuit opens for them too, and lets it back sooner.`,
    }),
    count: defaulted(count(1, MOST), most, {
      scope: 'mesh',
      meaning: "So many in a row. Below the breaker's, which would always be first otherwise.",
    }),
  });
}

function hosts(least: number, fallback: number, meaning: string) {
  return defaulted(count(least, MOST), fallback, { scope: 'mesh', meaning });
}

function requests(fallback: number) {
  return defaulted(count(1, MOST), fallback, {
    scope: 'mesh',
    meaning: 'Of which each must have had so many requests within the interval.',
  });
}

const ejectionSection = section({
  mode: defaulted(choice(MODES), 'enforce', {
    scope: 'mesh',
    meaning:
      'The most that any of its detectors may do: `observe` has all of them count only, `off` switches them off.',
  }),
  interval: defaulted(duration({ least: 100 }), formatDuration(DEFAULT_EJECTION.intervalMs), {
    scope: 'mesh',
    meaning: "Rates and medians are of so long, and judged at the end of it. Envoy's.",
  }),
  base: defaulted(duration(), formatDuration(DEFAULT_EJECTION.baseMs), {
    scope: 'mesh',
    meaning:
      "How long the first ejection lasts, the second twice as long, and so on; every interval that an endpoint behaves takes one back. Envoy's.",
  }),
  max: defaulted(duration(), formatDuration(DEFAULT_EJECTION.maxMs), {
    scope: 'mesh',
    meaning: "The longest one. Envoy's.",
  }),
  jitter: defaulted(duration({ zero: true }), formatDuration(DEFAULT_EJECTION.jitterMs), {
    scope: 'mesh',
    meaning: 'A random time up to this comes on top, so that not all callers let an endpoint in at once.',
  }),
  maxShare: defaulted(decimal(0, 0.5), DEFAULT_EJECTION.maxShare, {
    scope: 'mesh',
    meaning:
      'Of the endpoints that may be picked, so many may be out at most; one may be in any case, where there are two. At most half: what the others are compared with has to stay.',
  }),
  consecutive5xx: group(
    row(
      DEFAULT_EJECTION.consecutive5xx,
      'answers that speak against it (5xx but 501, and what gRPC has for them) or attempts without an answer',
    ),
    'Failures in a row.',
  ),
  consecutiveGateway: group(
    row(
      DEFAULT_EJECTION.consecutiveGateway,
      '502, 503, 504 (UNAVAILABLE, DEADLINE_EXCEEDED) or attempts without an answer',
    ),
    'Failures in a row of what is behind the endpoint.',
  ),
  consecutiveLocal: group(
    row(DEFAULT_EJECTION.consecutiveLocal, 'attempts without an answer (not connected, reset, timed out)'),
    'Attempts in a row without an answer.',
  ),
  successRate: group(
    section({
      mode: optional(choice(MODES), COMPARED, {
        scope: 'mesh',
        meaning:
          'Whether an endpoint is ejected that fails more often than its peers, though too seldom for its circuit to open. Under a balancer that hashes each has keys of its own, which may fail wherever they go.',
      }),
      minHosts: hosts(
        3,
        successRate.minHosts,
        'Only where so many peers can be compared. Below five no single one can be 1.9 deviations off.',
      ),
      minRequests: requests(successRate.minRequests),
      factor: defaulted(decimal(0.1, 100), successRate.factor, {
        scope: 'mesh',
        meaning:
          "By how many standard deviations its rate is below the mean. Envoy's `success_rate_stdev_factor` of 1900.",
      }),
      margin: defaulted(ratio(0), successRate.margin, {
        scope: 'mesh',
        meaning:
          'By how much it is below the mean besides. Among endpoints that hardly ever fail one failure more is many deviations.',
      }),
    }),
    'A success rate that is unlike that of its peers.',
  ),
  failurePercentage: group(
    section({
      mode: defaulted(choice(MODES), failurePercentage.mode, {
        scope: 'mesh',
        meaning:
          "Whether an endpoint is ejected of whose requests so many fail. Off, since the breaker's `failureRatio` is stricter.",
      }),
      minHosts: hosts(2, failurePercentage.minHosts, 'Only where so many peers can be judged.'),
      minRequests: requests(failurePercentage.minRequests),
      share: defaulted(ratio(Number.MIN_VALUE), failurePercentage.share, {
        scope: 'mesh',
        meaning: "At least this share of its requests fails. Envoy's.",
      }),
    }),
    'A share of failures, whatever that of its peers.',
  ),
  latency: group(
    section({
      mode: optional(choice(MODES), COMPARED, {
        scope: 'mesh',
        meaning:
          'Whether an endpoint is ejected whose answers take far longer than those of its peers. Under a balancer that hashes each has keys of its own, which may well take longer.',
      }),
      minHosts: hosts(
        3,
        latency.minHosts,
        'Only where so many peers can be compared: of two nobody knows which is the slow one.',
      ),
      minRequests: requests(latency.minRequests),
      factor: defaulted(decimal(1.5, 1_000), latency.factor, {
        scope: 'mesh',
        meaning: "How many times the median of its peers' medians its own median is.",
      }),
      floor: defaulted(duration({ zero: true }), formatDuration(latency.floorMs), {
        scope: 'mesh',
        meaning: 'By how much it is longer besides: four times a millisecond is nothing that a caller feels.',
      }),
    }),
    'A median latency that is unlike that of its peers.',
  ),
});

export const ejectionKeys = {
  ejection: group(
    ejectionSection,
    'Endpoints that do worse than their peers are left out for a while: a soft judgement, which counts as health does for failover and panic.',
  ),
};
