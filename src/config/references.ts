import { READABLE } from './named-files.ts';
import type { Path } from './paths.ts';
import type { Finding } from './problems.ts';

/**
 * What a local file may refer to. Given as an argument, so that a check can be run for another machine's environment.
 */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws when the file cannot be read. */
  readFile(path: string): string;
}

/** The largest file a `${file:..}` may stand for; secrets are short. */
const MAX_SECRET_CHARACTERS = 65_536;
const REFERENCE = /\$\{([^}]*)\}?/g;

/**
 * Replaces `${env:NAME}` and `${file:PATH}` in every text of a local layer. A value is text afterwards, whatever it
 * looks like; ports and the like accept text of digits for this sake. What a reference stands for never appears in a
 * problem: it may be a secret.
 */
export function resolveReferences(value: unknown, surroundings: Surroundings, findings: Finding[]): unknown {
  return mapTexts(value, [], (text, path) =>
    text.replace(REFERENCE, (written: string, inner: string) => {
      const answer = resolveOne(written, inner, surroundings);
      if (typeof answer === 'string') return answer;
      findings.push({ path, at: 'value', found: written, expected: answer.expected, hint: answer.hint });
      return written;
    }),
  );
}

/** Documents from Consul may not read this machine's files or environment. */
export function refuseReferences(value: unknown, findings: Finding[]): void {
  mapTexts(value, [], (text, path) => {
    const written = text.match(REFERENCE)?.[0];
    if (written !== undefined) {
      const hint = 'references are resolved in the local file only';
      findings.push({ path, at: 'value', found: written, expected: 'a plain value', hint });
    }
    return text;
  });
}

function resolveOne(written: string, inner: string, { env, readFile }: Surroundings): string | Refusal {
  const [, kind, name] = /^(env|file):(.+)$/.exec(inner) ?? [];
  if (kind === undefined || name === undefined || !written.endsWith('}')) {
    return { expected: `\${env:NAME} or \${file:PATH}`, hint: null };
  }
  if (kind === 'env') return env[name] ?? { expected: `the environment variable ${name} to be set`, hint: null };
  try {
    const text = readFile(name);
    if (text.length > MAX_SECRET_CHARACTERS)
      return { expected: `a file of at most ${MAX_SECRET_CHARACTERS} characters`, hint: null };
    return text.replace(/\r?\n$/, ''); // editors and `echo` end a file with a line feed that is no part of the secret
  } catch (error) {
    return { expected: READABLE, hint: error instanceof Error ? error.message : String(error) };
  }
}

interface Refusal {
  readonly expected: string;
  readonly hint: string | null;
}

function mapTexts(value: unknown, path: Path, change: (text: string, path: Path) => string): unknown {
  if (typeof value === 'string') return change(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mapTexts(item, [...path, index], change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, [...path, key], change)]));
}
