import { type Contradiction, contradiction } from './contradiction.ts';
import { type Path, valueAt } from './paths.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type Timeouts = Written['upstreams'][string]['timeouts'];

/** Of each pair, the first ends within the second. */
const WITHIN = [
  ['connect', 'attempt'],
  ['attempt', 'request'],
  ['attempt', 'maxDuration'],
  ['request', 'maxDuration'],
  ['streamIdle', 'maxDuration'],
  ['tunnelIdle', 'maxDuration'],
] as const;

/** Of each pair, the first would never end anything if it were as long as the second. */
const BELOW = [
  ['attemptIdle', 'attempt'],
  ['attemptIdle', 'request'],
  ['attemptIdle', 'streamIdle'],
  ['attemptIdle', 'maxDuration'],
] as const;

/** A default above the timeout that bounds it merely never fires; only what was written can contradict. */
export function timeoutBounds(path: Path, merged: unknown, timeouts: Timeouts): Contradiction[] {
  const isWritten = (key: string): boolean => valueAt(merged, [...path, key]) !== undefined;
  const refused = (inner: keyof Timeouts, outer: keyof Timeouts, words: string): Contradiction[] => {
    if (!isWritten(inner) || !isWritten(outer) || timeouts[outer] === 0) return [];
    const isFine = words === 'at most' ? timeouts[inner] <= timeouts[outer] : timeouts[inner] < timeouts[outer];
    if (isFine) return [];
    const expected = `${words} ${outer}, which is ${formatDuration(timeouts[outer])}`;
    return [contradiction([...path, inner], formatDuration(timeouts[inner]), expected, null, [[...path, outer]])];
  };
  return [
    ...WITHIN.flatMap(([inner, outer]) => refused(inner, outer, 'at most')),
    ...BELOW.flatMap(([inner, outer]) => refused(inner, outer, 'less than')),
  ];
}
