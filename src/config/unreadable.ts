import type { Problem } from './problems.ts';

/** Why there is no text to judge. */
export function unreadable(path: string, error: unknown): Problem {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  const found = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'a folder' : String(error);
  return {
    source: path,
    line: null,
    column: null,
    path: '',
    found,
    expected: 'a YAML file that can be read',
    hint: null,
  };
}
