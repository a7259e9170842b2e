import { writeFileSync } from 'node:fs';
import type { CheckSink } from './check.ts';
import { junitReport } from './junit-report.ts';
import { runPolicyTests, type TestOptions } from './test-policy.ts';
import { differenceLines, type FileResult, isAsExpected, testsOf } from './test-result.ts';

interface ReportOptions extends TestOptions {
  /** A file for the results as JUnit has them; null: none. */
  readonly junit: string | null;
}

/** `remora test`: the exit code is 0 when all is as expected, 1 when something is not, 2 when a file could not be run or written. */
export async function runTests(files: readonly string[], options: ReportOptions, out: CheckSink): Promise<number> {
  const results: FileResult[] = [];
  for (const file of files) {
    const result = await runPolicyTests(file, options);
    results.push(result);
    out.write(textOf(result));
  }
  out.write(`${sumOf(results)}\n`);
  const unwritten = options.junit === null ? null : problemOfWriting(options.junit, junitReport(results));
  if (unwritten !== null) {
    out.write(`${unwritten}\n`);
    return 2;
  }
  if (results.some(({ problem }) => problem !== null)) return 2;
  return results.every((result) => testsOf(result).every(isAsExpected)) ? 0 : 1;
}

/** Null: it is written. A CI that finds no report must not find a 0 either. */
function problemOfWriting(path: string, text: string): string | null {
  try {
    writeFileSync(path, text);
    return null;
  } catch (error) {
    return `the report was not written: ${(error as Error).message}`;
  }
}

function textOf(result: FileResult): string {
  if (result.problem !== null) return `${result.problem}\n`;
  const lines = result.results.flatMap((test) => {
    if (isAsExpected(test)) return [`  ok    ${test.name}`];
    return [`  FAIL  ${test.name} (line ${test.line})`, ...differenceLines(test).map((line) => `          ${line}`)];
  });
  return [result.file, ...lines, ''].join('\n');
}

function sumOf(results: readonly FileResult[]): string {
  const tests = results.flatMap(testsOf);
  const failed = tests.filter((test) => !isAsExpected(test)).length;
  const broken = results.filter(({ problem }) => problem !== null).length;
  const parts = [`${tests.length} ${tests.length === 1 ? 'test' : 'tests'}`, `${failed} failed`];
  return [...parts, ...(broken === 0 ? [] : [`${broken} of ${results.length} files not run`])].join(', ');
}
