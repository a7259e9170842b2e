import { type Contradiction, contradiction } from './contradiction.ts';
import { type Path, valueAt } from './paths.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenCapacity = Pick<Written['upstreams'][string], 'limits' | 'adaptive' | 'timeouts'>;
type IsWritten = (...keys: string[]) => boolean;

const ALGORITHM_KEYS = ['gradient2', 'aimd'] as const;

/** What limits must not say together; see `contradictions`. */
export function capacityRules(path: Path, capacity: WrittenCapacity, merged: unknown): Contradiction[] {
  const isWritten: IsWritten = (...keys) => valueAt(merged, [...path, ...keys]) !== undefined;
  return [
    ...waits(path, capacity, isWritten),
    ...bounds(path, capacity, isWritten),
    ...shares(path, capacity),
    ...foreign(path, capacity, isWritten),
  ];
}

function waits(path: Path, { limits, timeouts }: WrittenCapacity, isWritten: IsWritten): Contradiction[] {
  if (!isWritten('limits', 'pendingTimeout')) return [];
  const own = [...path, 'limits', 'pendingTimeout'];
  if (limits.maxPending === 0) {
    const concerns = [[...path, 'limits', 'maxPending']];
    const found = 'pendingTimeout where nobody waits';
    return [contradiction(own, found, 'maxPending above 0 beside it', null, concerns, 'key')];
  }
  const { request } = timeouts;
  if (request === 0 || limits.pendingTimeout < request || !isWritten('timeouts', 'request')) return [];
  const expected = `less than timeouts.request, which is ${formatDuration(request)}`;
  return [
    contradiction(own, formatDuration(limits.pendingTimeout), expected, null, [[...path, 'timeouts', 'request']]),
  ];
}

function bounds(path: Path, { adaptive, limits }: WrittenCapacity, isWritten: IsWritten): Contradiction[] {
  const { min, initial, max } = adaptive;
  const at = (key: string): Path => [...path, 'adaptive', key];
  // One of the two has been written, and that one is named.
  const ordered = (low: readonly [string, number], high: readonly [string, number]): Contradiction[] => {
    if (low[1] <= high[1]) return [];
    return isWritten('adaptive', low[0])
      ? [contradiction(at(low[0]), String(low[1]), `at most ${high[0]}, which is ${high[1]}`, null, [at(high[0])])]
      : [contradiction(at(high[0]), String(high[1]), `at least ${low[0]}, which is ${low[1]}`, null, [at(low[0])])];
  };
  const { maxRequests } = limits;
  const isIdle = min > maxRequests && isWritten('adaptive', 'min') && isWritten('limits', 'maxRequests');
  const concerns = [[...path, 'limits', 'maxRequests']];
  return [
    ...ordered(['min', min], ['initial', initial]),
    ...ordered(['initial', initial], ['max', max]),
    ...(isIdle
      ? [contradiction(at('min'), String(min), `at most limits.maxRequests, which is ${maxRequests}`, null, concerns)]
      : []),
  ];
}

/** What matters less may not use more than what matters more. */
function shares(path: Path, { adaptive }: WrittenCapacity): Contradiction[] {
  const { critical, sheddablePlus, sheddable } = adaptive.shares;
  const at = (key: string): Path => [...path, 'adaptive', 'shares', key];
  const pairs = [
    ['sheddablePlus', sheddablePlus, 'critical', critical],
    ['sheddable', sheddable, 'sheddablePlus', sheddablePlus],
  ] as const;
  return pairs.flatMap(([low, lowShare, high, highShare]) =>
    lowShare <= highShare
      ? []
      : [contradiction(at(low), String(lowShare), `at most ${high}, which is ${highShare}`, null, [at(high)])],
  );
}

/**
 * Whoever writes an option down means it to do something. But `mode: off` contradicts nothing: it is what an operator lays
 * over a file in a hurry, and must not be refused for what the file says.
 */
function foreign(path: Path, { adaptive }: WrittenCapacity, isWritten: IsWritten): Contradiction[] {
  const { algorithm } = adaptive;
  const own = [...path, 'adaptive'];
  const beside = (key: string, other: string, expected: string): Contradiction =>
    contradiction([...own, key], `${key} with ${other}`, expected, null, [[...own, other.split(' ')[0]!]], 'key');
  const others = ALGORITHM_KEYS.filter((key) => key !== algorithm && isWritten('adaptive', key));
  return others.map((key) => beside(key, `algorithm ${algorithm}`, `algorithm: ${key} beside it`));
}
