import { differenceLines, type FileResult, isAsExpected, type TestResult, testsOf } from './test-result.ts';

/** Results as CIs read them: a suite for each file, and an error for one that could not be run. */
export function junitReport(results: readonly FileResult[]): string {
  const suites = results.map(suite);
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites, '</testsuites>', ''].join('\n');
}

function suite(result: FileResult): string {
  const name = escaped(result.file);
  if (result.problem !== null) {
    const error = `<error message="not run">${escaped(result.problem)}</error>`;
    return `<testsuite name="${name}" tests="1" failures="0" errors="1"><testcase name="${name}" classname="${name}">${error}</testcase></testsuite>`;
  }
  const tests = testsOf(result);
  const failed = tests.filter((test) => !isAsExpected(test)).length;
  const cases = tests.map((test) => testcase(test, name)).join('\n');
  return `<testsuite name="${name}" tests="${tests.length}" failures="${failed}" errors="0">\n${cases}\n</testsuite>`;
}

function testcase(test: TestResult, classname: string): string {
  const open = `<testcase name="${escaped(test.name)}" classname="${classname}" line="${test.line}"`;
  if (isAsExpected(test)) return `${open}/>`;
  const [first] = differenceLines(test);
  const all = differenceLines(test).join('\n');
  return `${open}><failure message="${escaped(first!)}">${escaped(all)}</failure></testcase>`;
}

const SIGNS: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML has no sign at all for most control characters. */
function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => SIGNS[sign]!).replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '?');
}
