import type { Difference } from '../agent/rehearsal/differences.ts';

/** What became of one test. */
export interface TestResult {
  readonly name: string;
  readonly line: number;
  /** Empty: it is as expected. */
  readonly differences: readonly Difference[];
  readonly why: string;
}

/** What became of one file. `problem`: it could not be run, and why. */
export type FileResult =
  | { readonly file: string; readonly problem: string }
  | { readonly file: string; readonly problem: null; readonly results: readonly TestResult[] };

export function testsOf(result: FileResult): readonly TestResult[] {
  return result.problem === null ? result.results : [];
}

export function isAsExpected({ differences }: TestResult): boolean {
  return differences.length === 0;
}

/** One line for each thing that is otherwise. */
export function differenceLines({ differences, why }: TestResult): readonly string[] {
  const lines = differences.map(({ what, expected, found }) => `${what}: expected ${expected}, found ${found}`);
  return [...lines, `since ${why}`];
}
