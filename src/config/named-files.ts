import { accessSync, constants, statSync } from 'node:fs';
import type { LocalConfig } from './local-config.ts';
import type { Path } from './paths.ts';
import { describe, inReadingOrder, type Problem, problemOf } from './problems.ts';

/** Throws when the file cannot be read. */
export type FileCheck = (path: string) => void;

/**
 * Files that the configuration names and that are opened later, when they are needed. One that is not there is found
 * out now, where somebody can mend it, and not when Consul or an operator first asks for what is in it.
 */
export function namedFileProblems(local: LocalConfig, check: FileCheck = checkReadable): Problem[] {
  const { admin, consul } = local.config;
  const files: readonly (readonly [Path, string | null | undefined])[] = [
    [['admin', 'tokenFile'], admin.tokenFile],
    [['consul', 'tokenFile'], consul?.tokenFile],
    [['consul', 'tls', 'caFile'], consul?.tls.caFile],
    [['consul', 'tls', 'certFile'], consul?.tls.certFile],
    [['consul', 'tls', 'keyFile'], consul?.tls.keyFile],
  ];
  const problems = files.flatMap(([path, file]) => {
    const hint = file == null ? null : whyUnreadable(file, check);
    if (file == null || hint === null) return [];
    const finding = { path, at: 'value', found: describe(file), expected: 'a file that can be read', hint } as const;
    return [problemOf(finding, local.place(path, 'value'))];
  });
  return inReadingOrder(problems);
}

function whyUnreadable(file: string, check: FileCheck): string | null {
  try {
    check(file);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function checkReadable(path: string): void {
  if (statSync(path).isDirectory()) throw new Error('it is a folder');
  accessSync(path, constants.R_OK);
}
