import type { Problem } from './problems.ts';

/** What a problem expects of a document that made its judge fail, or took him too long. */
const JUDGEABLE = 'one that can be judged';

/** `why` completes "a document that ...". */
export function unjudgeable(source: string, why: string): Problem {
  return {
    source,
    line: null,
    column: null,
    path: '',
    found: `a document that ${why}`,
    expected: JUDGEABLE,
    hint: 'it is judged again when it changes, and now and then',
  };
}

export function isUnjudgeable({ expected }: Problem): boolean {
  return expected === JUDGEABLE;
}
