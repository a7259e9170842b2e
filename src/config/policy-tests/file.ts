import type { z } from 'zod';
import { readDocument } from '../document.ts';
import { keysAt } from '../introspect.ts';
import { nearest } from '../nearest.ts';
import { type Path, valueAt } from '../paths.ts';
import { describe, type Finding, inReadingOrder, type Place, type Problem, problemOf } from '../problems.ts';
import { type PolicyTests, policyTestSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** One file of policy tests, read. */
export interface PolicyTestFile {
  readonly tests: PolicyTests;
  /** Where the n-th test stands. */
  placeOf(test: number): Place;
}

/** Every problem at once, with its line; a file with one is not run at all. */
export function readPolicyTests(text: string, source: string): PolicyTestFile | Problem[] {
  const document = readDocument(text, source);
  if (Array.isArray(document)) return document;
  const read = policyTestSchema.safeParse(document.value ?? {});
  const here: Place = { source, line: 1, column: 1 };
  const issues = read.success ? [] : read.error.issues.flatMap((issue) => findingsOf(issue, [], document.value));
  const findings = [...document.findings, ...issues];
  if (!read.success || findings.length > 0) {
    return inReadingOrder(findings.map((found) => problemOf(found, placeAround(document.place, found) ?? here)));
  }
  return { tests: read.data, placeOf: (test) => document.place(['tests', test], 'value') ?? here };
}

/** What is missing stands nowhere; what it is missing in does. */
function placeAround(place: (path: Path, at: 'key' | 'value') => Place | null, { path, at }: Finding): Place | null {
  for (let length = path.length; length >= 0; length--) {
    const found = place(path.slice(0, length), length === path.length ? at : 'value');
    if (found !== null) return found;
  }
  return null;
}

function findingsOf(issue: Issue, holder: Path, whole: unknown): Finding[] {
  const path: Path = [...holder, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key]));
    case 'invalid_key': {
      const [inner] = issue.issues;
      return [{ path, at: 'key', found: describe(path.at(-1)), expected: inner?.message ?? issue.message, hint: null }];
    }
    case 'invalid_union': {
      const meant = issue.errors.find((errors) => errors.length > 0 && errors.every(({ path: at }) => at.length > 0));
      const first = issue.errors[0]?.[0];
      if (meant !== undefined) return meant.flatMap((inner) => findingsOf(inner, path, whole));
      // Of "this or nothing", this is what is expected.
      if (issue.message === 'Invalid input' && first !== undefined) return findingsOf(first, path, whole);
    }
  }
  const found = describe(valueAt(whole, path));
  return [{ path, at: 'value', found, expected: issue.message, hint: null }];
}

function unknownKey(path: Path): Finding {
  const known = keysAt(policyTestSchema, path.slice(0, -1));
  const meant = nearest(String(path.at(-1)), known);
  const hint = meant === null ? null : `did you mean ${meant}?`;
  return { path, at: 'key', found: 'an unknown key', expected: `one of ${known.join(', ')}`, hint };
}
