import { regexFlaw } from '../../route/table/regex.ts';
import type { Words } from './words.ts';

type Written = Record<string, unknown>;

/**
 * The match of a route as the file has it. Null: it asks for something that cannot be said here, and the route is left
 * out, since without that it would match more.
 */
export function matchOf(match: Words): Written | null {
  const http = match.words('HTTP');
  match.done();
  const path = pathOf(http);
  const headers = conditionsOf(http, 'Header');
  const query = conditionsOf(http, 'QueryParam');
  const methods = http.texts('Methods');
  const isLax = http.flag('CaseInsensitive');
  if (isLax) http.refuse('CaseInsensitive', 'true', 'false: paths are compared as they came');
  http.done();
  if (isLax || path === null || headers === null || query === null) return null;
  return { ...path, ...headers, ...query, ...(methods.length === 0 ? {} : { methods: [...methods] }) };
}

const PATHS = [
  ['PathExact', 'exact'],
  ['PathPrefix', 'prefix'],
  ['PathRegex', 'regex'],
] as const;

function pathOf(http: Words): Written | null {
  const said = PATHS.map(([key, kind]) => [key, kind, http.text(key)] as const).filter(([, , value]) => value !== '');
  const [first] = said;
  if (first === undefined) return {};
  const [key, kind, value] = first;
  if (kind === 'regex') return isPattern(http, key, value) ? { path: { regex: value } } : null;
  if (/^\/[!"$->@-~]{0,1023}$/.test(value)) return { path: { [kind]: value } };
  http.refuse(key, JSON.stringify(value), 'a path that begins with /, without ?, # and blanks');
  return null;
}

function isPattern(words: Words, key: string, value: string): boolean {
  const flaw = regexFlaw(value);
  if (flaw !== null) words.refuse(key, JSON.stringify(value), flaw);
  return flaw === null;
}

const TEXTS = [
  ['Exact', 'exact'],
  ['Prefix', 'prefix'],
  ['Suffix', 'suffix'],
  ['Contains', 'contains'],
  ['Regex', 'regex'],
] as const;

/** Null: one of them cannot be said. */
function conditionsOf(http: Words, list: 'Header' | 'QueryParam'): Written | null {
  const found = new Map<string, Written>();
  let isWhole = true;
  for (const [index, item] of http.list(list).entries()) {
    const words = http.wordsOf(item, list, index);
    const name = words.text('Name');
    const key = list === 'Header' ? name.toLowerCase() : name;
    const condition = conditionOf(words);
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name) || found.has(key)) {
      words.refuse('Name', JSON.stringify(name), 'a name, each once');
      isWhole = false;
    } else if (condition === null) {
      isWhole = false;
    } else {
      found.set(key, condition);
    }
  }
  if (!isWhole) return null;
  if (found.size === 0) return {};
  return { [list === 'Header' ? 'headers' : 'query']: Object.fromEntries(found) };
}

function conditionOf(words: Words): Written | null {
  const isPresent = words.flag('Present');
  const isInverted = words.flag('Invert');
  const said = TEXTS.map(([key, kind]) => [key, kind, words.text(key)] as const).filter(([, , value]) => value !== '');
  const isLax = words.flag('IgnoreCase');
  if (isLax) words.refuse('IgnoreCase', 'true', 'false: values are compared as they came');
  words.done();
  if (isLax) return null;
  const [first] = said;
  if (first === undefined) {
    if (isPresent) return { present: !isInverted };
    words.refuse('Name', 'nothing that it should be', 'Exact, Prefix, Suffix, Regex or Present');
    return null;
  }
  const [key, kind, value] = first;
  if (kind === 'regex' && !isPattern(words, key, value)) return null;
  return { [kind]: value, ...(isInverted ? { not: true } : {}) };
}
