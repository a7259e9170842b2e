import { readFileSync } from 'node:fs';
import { differences } from '../agent/rehearsal/differences.ts';
import { Rehearsal } from '../agent/rehearsal/rehearsal.ts';
import type { Rehearsed } from '../agent/rehearsal/rehearsed-parts.ts';
import { whyOf } from '../agent/rehearsal/why.ts';
import type { Environment } from '../config/environment.ts';
import { type PolicyTestFile, readPolicyTests } from '../config/policy-tests/file.ts';
import { MissingFile, materialOf, type TestSurroundings } from '../config/policy-tests/material.ts';
import type { PolicyTest } from '../config/policy-tests/schema.ts';
import { formatProblems } from '../config/problems.ts';
import { settle } from '../config/settle.ts';
import { readyRegexFor } from '../route/table/regex.ts';
import type { FileResult, TestResult } from './test-result.ts';

export interface TestOptions {
  readonly env: Environment;
  wallMs(): number;
}

/** Runs the tests of one file. Nobody is asked, and no port is opened. */
export async function runPolicyTests(file: string, options: TestOptions): Promise<FileResult> {
  const text = tryRead(file);
  if (text instanceof Error) return { file, problem: `${file}: ${text.message}` };
  const read = readPolicyTests(text, file);
  if (Array.isArray(read)) return { file, problem: formatProblems(read) };
  const surroundings = { env: options.env, readFile: readTextFile };
  try {
    return { file, problem: null, results: await new Run(file, read, surroundings, options.wallMs()).results() };
  } catch (error) {
    if (error instanceof MissingFile || error instanceof BadConfig) return { file, problem: error.message };
    throw error;
  }
}

class BadConfig extends Error {}

/** The tests of one file. Each has a sidecar of its own, so that none depends on those before it. */
class Run {
  private readonly configs = new Map<string | null, Rehearsed>();

  constructor(
    private readonly file: string,
    private readonly read: PolicyTestFile,
    private readonly surroundings: TestSurroundings,
    private readonly wallMs: number,
  ) {}

  async results(): Promise<readonly TestResult[]> {
    const results: TestResult[] = [];
    for (const [i, test] of this.read.tests.tests.entries()) {
      results.push(await this.resultOf(test, this.read.placeOf(i).line ?? 1));
    }
    return results;
  }

  private async resultOf(test: PolicyTest, line: number): Promise<TestResult> {
    const { name, request, expect, caller = null } = test;
    const assumed = { ...this.read.tests.assume, ...test.assume };
    const rehearsal = await Rehearsal.open(await this.configOf(caller), assumed, this.wallMs);
    const decision = rehearsal.ask(request);
    rehearsal.close();
    if (decision !== null) return { name, line, differences: differences(expect, decision), why: whyOf(decision) };
    const found = request.port === undefined ? 'no port' : `port ${request.port}`;
    const expected = 'the outbound port of its sidecar, or one of an upstream';
    return { name, line, differences: [{ what: 'request', expected, found }], why: 'no port of the sidecar takes it' };
  }

  private async configOf(caller: string | null): Promise<Rehearsed> {
    const known = this.configs.get(caller);
    if (known !== undefined) return known;
    const { surroundings, wallMs } = this;
    const material = materialOf(this.read.tests, this.file, caller, surroundings);
    await readyRegexFor([material.local.text, ...material.newest.map(({ text }) => text)]);
    const { config, unsaid, localProblems, layers } = settle(material, {
      wallMs,
      readFile: surroundings.readFile,
      isExplained: false,
    });
    const problems = [...localProblems, ...layers.flatMap((layer) => layer.problems)];
    if (config === null || unsaid === null || problems.length > 0) {
      throw new BadConfig(`${this.file}: what it tests is no configuration\n${formatProblems(problems)}`);
    }
    const settled = { config, unsaid };
    this.configs.set(caller, settled);
    return settled;
  }
}

function tryRead(file: string): string | Error {
  try {
    return readTextFile(file);
  } catch (error) {
    return error as Error;
  }
}

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}
