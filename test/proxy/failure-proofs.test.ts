import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURE_CODES, FAILURES, type FailureCode } from '../../src/base/failure.ts';

const TESTS = new URL('..', import.meta.url);

/** Where each refusal and each bound is shown to end an exchange, down to its books: the file, and the words of the test. */
const PROOFS: Partial<Record<FailureCode, readonly [file: string, name: string]>> = {
  overloaded: ['proxy/exchange-line.test.ts', 'is refused at once where the line is full, or there is none'],
  pending_timeout: ['proxy/exchange-line.test.ts', 'is refused when its time is up, and that has a name of its own'],
  concurrency_limited: ['proxy/exchange-line.test.ts', 'refuses what matters less first, and says so'],
  connections_exhausted: ['proxy/exchange-line.test.ts', 'is refused as such where nobody may wait'],
  rate_limited: [
    'proxy/exchange-doors.test.ts',
    'ends beyond a rate limit before it costs anything, and says when to come again',
  ],
  throttled: [
    'proxy/exchange-doors.test.ts',
    'is held back when most of those before it have failed, and its own refusals teach nothing',
  ],
  sidecar_overloaded: [
    'proxy/exchange-doors.test.ts',
    'is refused while the process has too much to do, and its connection may have to go',
  ],
  deadline_too_short: [
    'proxy/exchange-time.test.ts',
    'is refused when no answer of late was that quick, and nothing is sent',
  ],
  max_duration: ['proxy/exchange-time.test.ts', 'ends one that has no answer'],
  attempt_idle: ['proxy/exchange-time.test.ts', 'ends what cannot be tried again'],
  fault_injected: ['proxy/exchange-faults.test.ts', 'is aborted without an endpoint, after its delay'],
  refused_unseen: [
    'proxy/exchange-retries.test.ts',
    'is sent elsewhere at once, whatever its method, and is no evidence against the endpoint',
  ],
};

/** Not made of codes by themselves: tables of all of them, and settings that name some. */
const TABLES = /^(config|telemetry)\/|^proxy\/(failure-proofs|readme)\.test\.ts$/;

const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|md)$/.test(name) && !TABLES.test(name))
  .map((name) => [name, readFileSync(new URL(name, TESTS), 'utf8')] as const);

describe('every failure', () => {
  it.each(FAILURE_CODES)('%s is brought about by a test', (code) => {
    const word = new RegExp(`\\b${code}\\b`);
    expect(files.filter(([, text]) => word.test(text)).map(([name]) => name)).not.toEqual([]);
  });

  it.each(Object.entries(PROOFS))('%s ends an exchange in the test that says so', (code, [file, name]) => {
    const text = readFileSync(new URL(file, TESTS), 'utf8');
    const at = text.indexOf(`'${name}'`);
    expect(at).toBeGreaterThan(0);
    const next = text.indexOf('\n  it(', at);
    expect(text.slice(at, next < 0 ? undefined : next)).toMatch(new RegExp(`\\b${code}\\b`));
  });

  it('says in a sentence what it means and in another what to do', () => {
    for (const code of FAILURE_CODES) {
      const { meaning, remedy } = FAILURES[code];
      expect.soft(meaning, code).toMatch(/^[A-Z].*\.$/);
      expect.soft(remedy, code).toMatch(/^[A-Z`].*\.$/);
      expect.soft(meaning, code).not.toBe(remedy);
    }
  });
});
