import { formatPath, type Path } from './paths.ts';

/** Where a value was written. */
export interface Place {
  /** The file as it was named, a flag, an environment variable or a KV key. */
  readonly source: string;
  /** From 1; null where there are no lines (flags, environment). */
  readonly line: number | null;
  readonly column: number | null;
}

/** One thing wrong with a configuration, in the words of the person who has to mend it. */
export interface Problem extends Place {
  /** `upstreams.orders.timeouts.connect`; empty for the document itself. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  readonly hint: string | null;
  /** The other values that it contradicts, where they were written. */
  readonly beside?: readonly Written[];
}

/** A value, and where it was written. */
export interface Written extends Place {
  readonly path: string;
}

/** A problem before anybody looked up where its value was written. */
export interface Finding {
  readonly path: Path;
  /** Does it speak of the key, or of the value behind it? */
  readonly at: 'key' | 'value';
  readonly found: string;
  readonly expected: string;
  readonly hint: string | null;
}

export function problemOf(finding: Finding, place: Place): Problem {
  const { found, expected, hint } = finding;
  return { ...place, path: formatPath(finding.path), found, expected, hint };
}

/** `remora.yaml:7:12 upstreams.orders.timeouts.connect: found "5", expected a duration such as 500ms or 15s` */
export function formatProblem(problem: Problem): string {
  const hint = problem.hint === null ? '' : `; ${problem.hint}`;
  return `${whereOf(problem)}: found ${problem.found}, expected ${problem.expected}${hint}`;
}

function whereOf({ source, line, column, path }: Written): string {
  const place = line === null ? source : `${source}:${line}:${column}`;
  return path === '' ? place : `${place} ${path}`;
}

/** One line each, in the order of the text, and below it the lines that it contradicts; then how many there are. */
export function formatProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.flatMap((problem) => [
    formatProblem(problem),
    ...(problem.beside ?? []).map((other) => `  beside ${whereOf(other)}`),
  ]);
  return [...lines, count].join('\n');
}

/**
 * Documents before flags and variables; one after another in the order they are first spoken of, each from top to
 * bottom.
 */
export function inReadingOrder(problems: readonly Problem[]): Problem[] {
  const sources = [...new Set(problems.map((problem) => problem.source))];
  return [...problems].sort(
    (a, b) =>
      Number(a.line === null) - Number(b.line === null) ||
      sources.indexOf(a.source) - sources.indexOf(b.source) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
}

/** A value as a problem shows it: short, and with its type visible. */
export function describe(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}..."` : text;
}
