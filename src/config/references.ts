import { isAbsolute, join } from 'node:path';
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

/** What documents from Consul may refer to on this machine, as its own file says. */
export interface Secrets {
  /** Null: no files. */
  readonly dir: string | null;
  readonly allowEnv: readonly string[];
}

export interface RemoteSurroundings extends Surroundings {
  readonly secrets: Secrets;
  /** Follows every link; throws when there is no such file. */
  realPath(path: string): string;
}

/**
 * The same for a document from Consul, whose writer is not the one of this machine: only files within the folder and
 * variables of the list. `resolved` is told what was put in, so that it can be kept out of what is shown.
 */
export function resolveRemote(
  value: unknown,
  surroundings: RemoteSurroundings,
  findings: Finding[],
  resolved: Map<string, string>,
): unknown {
  return mapTexts(value, [], (text, path) =>
    text.replace(REFERENCE, (written: string, inner: string) => {
      const answer =
        remoteRefusal(inner, surroundings) ?? resolveOne(written, allowed(inner, surroundings), surroundings);
      if (typeof answer !== 'string') {
        findings.push({ path, at: 'value', found: written, expected: answer.expected, hint: answer.hint });
        return written;
      }
      resolved.set(answer, written);
      return answer;
    }),
  );
}

export function hasReference(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('${');
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(hasReference);
}

function remoteRefusal(inner: string, { secrets, realPath }: RemoteSurroundings): Refusal | null {
  const [, kind, name] = /^(env|file):(.+)$/.exec(inner) ?? [];
  if (kind === undefined || name === undefined) return null;
  if (kind === 'env') {
    const expected = `a variable that secrets.allowEnv of this machine's file names`;
    return secrets.allowEnv.includes(name) ? null : { expected, hint: 'documents from Consul may read no others' };
  }
  const hint = 'documents from Consul may read no others';
  const expected = `the name of a file in secrets.dir`;
  if (secrets.dir === null) return { expected: `${expected}, which this machine's file does not name`, hint };
  if (isAbsolute(name) || name.split('/').includes('..')) return { expected, hint };
  try {
    const folder = realPath(secrets.dir);
    return realPath(join(secrets.dir, name)).startsWith(`${folder}/`) ? null : { expected, hint };
  } catch {
    return { expected: READABLE, hint: `in ${secrets.dir}` };
  }
}

function allowed(inner: string, { secrets }: RemoteSurroundings): string {
  return inner.startsWith('file:') ? `file:${join(secrets.dir ?? '', inner.slice('file:'.length))}` : inner;
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
