import { SHARING_BALANCERS } from '../cluster/options.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import { type Path, valueAt } from './paths.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';
import { givesShares } from './weights.ts';

type WrittenUpstream = Written['upstreams'][string];

const OWNERS = { leastRequest: 'least_request', first: 'first', reportedWeights: 'client_side_wrr' } as const;

/**
 * Whoever writes an option down means it to do something: beside a balancer that does not know it, it would do nothing.
 */
export function weightRules(path: Path, upstream: WrittenUpstream, merged: unknown): Contradiction[] {
  const { balance: balancer } = upstream;
  const isWritten = (...keys: string[]): boolean => valueAt(merged, [...path, ...keys]) !== undefined;
  const beside = (key: string, expected: string): Contradiction =>
    contradiction([...path, key], `${key} with balancer ${balancer}`, expected, null, [[...path, 'balance']], 'key');
  const foreign = Object.entries(OWNERS).filter(([key, owner]) => balancer !== owner && isWritten(key));
  const shared = givesShares(balancer) ? [] : ['slowStart', 'subsetSize'].filter((key) => isWritten(key));
  return [
    ...foreign.map(([key, owner]) => beside(key, `balance: ${owner} beside it`)),
    ...shared.map((key) => beside(key, `one of ${SHARING_BALANCERS.join(', ')} beside it`)),
    ...leastRequestRules(path, upstream, isWritten),
    ...reportRules(path, upstream),
  ];
}

function leastRequestRules(
  path: Path,
  { balance: balancer, leastRequest }: WrittenUpstream,
  isWritten: (...keys: string[]) => boolean,
): Contradiction[] {
  const isIdle = leastRequest.selection === 'full_scan' && isWritten('leastRequest', 'choices');
  if (balancer !== 'least_request' || !isIdle) return [];
  const own = [...path, 'leastRequest'];
  const expected = 'selection: two_choices beside it, or no choices';
  return [contradiction([...own, 'choices'], 'choices with full_scan', expected, null, [[...own, 'selection']], 'key')];
}

/** Reports that expire within the blackout never count. */
function reportRules(path: Path, { balance: balancer, reportedWeights }: WrittenUpstream): Contradiction[] {
  const { blackout, expiry } = reportedWeights;
  if (balancer !== 'client_side_wrr' || blackout < expiry) return [];
  const own = [...path, 'reportedWeights'];
  const expected = `less than expiry, which is ${formatDuration(expiry)}`;
  return [contradiction([...own, 'blackout'], formatDuration(blackout), expected, null, [[...own, 'expiry']])];
}
