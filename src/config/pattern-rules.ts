import { type Contradiction, contradiction } from './contradiction.ts';
import { isMap } from './layers.ts';
import type { Placed } from './placed-routes.ts';

/** Each may remember 128 KiB of texts, and the time of a request is the sum of those that it is asked by. */
const MAX_PATTERNS = 256;

/** Equal ones are one. */
export function patternRules(routes: readonly Placed[]): Contradiction[] {
  const patterns = new Set<string>();
  for (const { path, route } of routes) {
    collect(route, patterns);
    if (patterns.size <= MAX_PATTERNS) continue;
    const expected = `at most ${MAX_PATTERNS} different patterns in all routes: exact, prefix and segments cost nothing`;
    return [contradiction(path, `a route with the pattern after ${MAX_PATTERNS} others`, expected, null, [], 'key')];
  }
  return [];
}

/** Wherever a pattern may stand, it stands behind one of these keys. */
function collect(value: unknown, patterns: Set<string>): void {
  if (Array.isArray(value)) for (const inner of value) collect(inner, patterns);
  if (!isMap(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if ((key === 'regex' || key === 'pattern') && typeof inner === 'string') patterns.add(inner);
    else collect(inner, patterns);
  }
}
