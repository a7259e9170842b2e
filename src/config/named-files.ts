import { accessSync, constants, statSync } from 'node:fs';
import { type Path, valueAt } from './paths.ts';
import { describe, type Finding } from './problems.ts';

/** Throws when the file cannot be read. */
export type FileCheck = (path: string) => void;

/**
 * Files that the configuration names and that are opened later, when they are needed. One that is not there is found
 * out now, where somebody can mend it, and not when Consul or an operator first asks for what is in it.
 */
export function namedFileFindings(merged: unknown, check: FileCheck): Finding[] {
  return NAMED.flatMap((path) => {
    const file = valueAt(merged, path);
    // What is no text at all is complained about by the schema.
    const hint = typeof file === 'string' ? whyUnreadable(file, check) : null;
    return hint === null ? [] : [{ path, at: 'value', found: describe(file), expected: READABLE, hint } as const];
  });
}

/** What a problem expects that only another file than the configuration can mend. */
export const READABLE = 'a file that can be read';

const NAMED: readonly Path[] = [
  ['admin', 'tokenFile'],
  ['consul', 'tokenFile'],
  ['consul', 'tls', 'caFile'],
  ['consul', 'tls', 'certFile'],
  ['consul', 'tls', 'keyFile'],
];

function whyUnreadable(file: string, check: FileCheck): string | null {
  try {
    check(file);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function checkReadable(path: string): void {
  if (statSync(path).isDirectory()) throw new Error('it is a folder');
  accessSync(path, constants.R_OK);
}
