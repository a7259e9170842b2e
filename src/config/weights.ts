import { type BalancerName, type BalancerOptions, SHARING_BALANCERS } from '../cluster/options.ts';
import { DEFAULT_SLOW_START } from '../cluster/slow-start.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];
type WeightOptions = Omit<BalancerOptions, 'name'>;

/** Of the keys about shares, what the balancer goes by: none is there that means nothing to it. */
export function weightsOf(written: WrittenUpstream): WeightOptions {
  return { ...ownOptions(written), ...sharingOptions(written) };
}

function ownOptions({ balance: balancer, leastRequest, first, reportedWeights }: WrittenUpstream): WeightOptions {
  switch (balancer) {
    case 'least_request':
      return { leastRequest };
    case 'first':
      return { first };
    case 'client_side_wrr':
      return {
        reportedWeights: {
          blackoutMs: reportedWeights.blackout,
          expiryMs: reportedWeights.expiry,
          updateMs: reportedWeights.update,
          errorPenalty: reportedWeights.errorPenalty,
        },
      };
    default:
      return {};
  }
}

function sharingOptions({ balance: balancer, slowStart, subsetSize }: WrittenUpstream): WeightOptions {
  if (!givesShares(balancer)) return {};
  const { window: windowMs, aggression, minWeight } = slowStart;
  return {
    ...(windowMs > 0 ? { slowStart: { windowMs, aggression, minWeight } } : {}),
    ...(subsetSize === null ? {} : { subsetSize }),
  };
}

export function givesShares(balancer: BalancerName): boolean {
  return SHARING_BALANCERS.includes(balancer);
}

/** The way back, in the words of the file. Null is what is not said of this balancer. */
export function encodeWeights({ name, leastRequest, first, reportedWeights, slowStart, subsetSize }: BalancerOptions) {
  return {
    leastRequest: leastRequest === undefined ? null : encodeLeastRequest(leastRequest),
    first: first ?? null,
    reportedWeights: reportedWeights === undefined ? null : encodeReported(reportedWeights),
    slowStart: givesShares(name) ? encodeSlowStart(slowStart ?? DEFAULT_SLOW_START) : null,
    subsetSize: subsetSize ?? null,
  };
}

/** What compares all has no number of choices. */
function encodeLeastRequest({ selection, choices, bias }: NonNullable<BalancerOptions['leastRequest']>): object {
  return { selection, choices: selection === 'two_choices' ? choices : null, bias };
}

function encodeReported(options: NonNullable<BalancerOptions['reportedWeights']>): object {
  return {
    blackout: formatDuration(options.blackoutMs),
    expiry: formatDuration(options.expiryMs),
    update: formatDuration(options.updateMs),
    errorPenalty: options.errorPenalty,
  };
}

function encodeSlowStart({ windowMs, aggression, minWeight }: NonNullable<BalancerOptions['slowStart']>): object {
  return { window: formatDuration(windowMs), aggression, minWeight };
}
