import { readFileSync } from 'node:fs';
import type { Environment } from './environment.ts';
import { decodeLocal, type LocalConfig } from './local-config.ts';
import { checkReadable } from './named-files.ts';
import type { Problem } from './problems.ts';
import { unreadable } from './unreadable.ts';

export interface FileOptions {
  readonly path: string;
  readonly env: Environment;
  /** `path=value`, as given to `--set`. */
  readonly set: readonly string[];
  /** See `LocalSources`. */
  wallMs?(): number;
}

/** Reads and judges the file at once, for a start or a check. */
export function loadFile({ path, ...options }: FileOptions): LocalConfig | Problem[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return [unreadable(path, error)];
  }
  return decodeLocal({ source: path, text, ...options, checkFile: checkReadable });
}
