import { substitutionFlaw } from '../route/effects/substitution.ts';
import { groupsOf } from '../route/table/regex.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { Placed } from './placed-routes.ts';

/** What is put in place of a part of a path, of which a pattern says what parts it has. */
export function substitutionRules(routes: readonly Placed[]): Contradiction[] {
  // Ten thousand routes may share one pattern, and it is not compiled for each.
  const groups = new Map<string, number>();
  return routes.flatMap(({ path, route }) => {
    const regex = route.rewrite?.regex ?? null;
    if (regex === null) return [];
    const { pattern, substitution } = regex;
    const count = groups.get(pattern) ?? groupsOf(pattern);
    groups.set(pattern, count);
    const flaw = substitutionFlaw(substitution, count);
    if (flaw === null) return [];
    const at = [...path, 'rewrite', 'regex'];
    const found = JSON.stringify(substitution);
    const expected = `groups of the pattern, \\0 to \\${count}, and \\\\: ${flaw}`;
    return [contradiction([...at, 'substitution'], found, expected, null, [[...at, 'pattern']])];
  });
}
