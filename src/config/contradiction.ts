import type { Path } from './paths.ts';
import type { Finding } from './problems.ts';

/** A contradiction also names the other values it is made of; while one of those is wrong itself, it says nothing. */
export interface Contradiction extends Finding {
  readonly concerns: readonly Path[];
}

export function contradiction(
  path: Path,
  found: string,
  expected: string,
  hint: string | null = null,
  concerns: readonly Path[] = [],
  at: 'key' | 'value' = 'value',
): Contradiction {
  return { path, at, found, expected, hint, concerns };
}
