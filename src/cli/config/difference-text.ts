import { printable } from '../../admin/text-table.ts';
import { HIDDEN, withoutCredentials } from '../../config/hidden.ts';
import { factsAt } from '../../config/introspect.ts';
import { formatPath, type Path } from '../../config/paths.ts';
import { configSchema } from '../../config/schema.ts';
import { type FieldChange, SIGNS, type SubjectChange } from '../../config/store/difference.ts';

const NOT_SAID = '(not said)';
const MAX_FIELDS = 20;
const MAX_SUBJECTS = 100;
const MAX_VALUE = 60;

/** The difference of two documents for people: what is concerned, and below it each value as it was and will be. */
export function differenceText(changes: readonly SubjectChange[], absent: string = NOT_SAID): string {
  const lines = changes.slice(0, MAX_SUBJECTS).flatMap(({ subject, kind, fields }) => {
    const head = `${SIGNS[kind]} ${printable(subject)}`;
    return [head, ...fieldLines(fields, kind, absent).map((line) => `    ${line}`)];
  });
  const more = changes.length - MAX_SUBJECTS;
  return `${[...lines, ...(more > 0 ? [`... and ${more} more`] : [])].join('\n')}\n`;
}

function fieldLines(fields: readonly FieldChange[], kind: SubjectChange['kind'], absent: string): readonly string[] {
  const shown = fields.slice(0, MAX_FIELDS);
  const names = shown.map(({ path }) => printable(formatPath(path)));
  const width = Math.min(40, Math.max(0, ...names.map((name) => name.length)));
  const lines = shown.map(({ path, from, to }, i) => {
    const name = names[i]!.padEnd(width);
    if (kind === 'changed') return `${name}  ${valueText(from, path, absent)} -> ${valueText(to, path, absent)}`;
    return `${name}  ${valueText(kind === 'added' ? to : from, path)}`;
  });
  return fields.length > MAX_FIELDS ? [...lines, `... and ${fields.length - MAX_FIELDS} more`] : lines;
}

/** One line for a list of revisions: `~ route cart, + route new, ~ upstream orders (timeouts.request 15s -> 5s)`. */
export function summaryOf(changes: readonly SubjectChange[]): string {
  if (changes.length === 0) return 'says the same as before';
  const shown = changes.slice(0, MAX_SUMMARY).map(({ kind, subject, fields }) => {
    const [first] = fields;
    const only = kind === 'changed' && fields.length === 1 ? first : undefined;
    return `${SIGNS[kind]} ${subject}${only === undefined ? '' : ` (${onlyText(only)})`}`;
  });
  const more = changes.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const MAX_SUMMARY = 4;

function onlyText({ path, from, to }: FieldChange): string {
  return `${formatPath(path)} ${valueText(from, path)} -> ${valueText(to, path)}`;
}

/** One value in one line, cut when it is long, secrets hidden. */
export function valueText(value: unknown, path: Path, absent: string = NOT_SAID): string {
  if (value === undefined) return absent;
  if (value === null) return '(taken away)';
  if (isSecret(path)) return HIDDEN;
  const text = typeof value === 'string' ? plain(withoutCredentials(value)) : JSON.stringify(value);
  const line = printable(text);
  return line.length > MAX_VALUE ? `${line.slice(0, MAX_VALUE - 3)}...` : line;
}

/** Paths may begin within an upstream. */
function isSecret(path: Path): boolean {
  return [path, ['upstreams', 'any', ...path]].some((full) => factsAt(configSchema, full)?.isSecret === true);
}

/** In quotes where it would not read as a text. */
function plain(text: string): string {
  return /^[^\s"'[\]{}(),][^"'[\]{}]*$/.test(text) && !/^(?:true|false|null|[-+.\d]*)$/.test(text)
    ? text
    : JSON.stringify(text);
}
