import type { PathMatch, RewriteOptions, RouteMatch } from '../table/options.ts';
import type { Finder } from '../table/regex.ts';
import { Substitution } from './substitution.ts';
import { bareOf } from './variables.ts';

/** Another target for a request: of its path and query, which are given and given back as one text. */
export interface PathRewrite {
  of(path: string): string;
}

/** Compiles a pattern in RE2 syntax. */
export type MakeFinder = (pattern: string) => Finder;

/** Of a rewrite, or of a redirect, that says something of the path; null: it stays. */
export function rewriteOf(
  { path, prefix, regex }: Omit<RewriteOptions, 'host'>,
  matches: readonly RouteMatch[],
  finderOf: MakeFinder,
): PathRewrite | null {
  if (path !== null) return new WholePath(path);
  if (prefix !== null) return new PrefixRewrite(prefix, matches);
  return regex === null ? null : new RegexRewrite(new Substitution(finderOf(regex.pattern), regex.substitution));
}

class WholePath implements PathRewrite {
  constructor(private readonly path: string) {}

  of(path: string): string {
    return path === '*' ? path : sound(this.path) + queryOf(path);
  }
}

/**
 * In place of what the path of a match says: of several matches, the longest that the path begins with. Whole segments,
 * and prefixes that end with a slash, are replaced as Gateway API has it (ReplacePrefixMatch), with one slash where both
 * parts meet; of other prefixes just these characters are replaced.
 */
class PrefixRewrite implements PathRewrite {
  private readonly heads: readonly Head[];

  constructor(
    private readonly replacement: string,
    matches: readonly RouteMatch[],
  ) {
    const paths = matches.length === 0 ? [null] : matches.map(({ path }) => path);
    this.heads = paths.map(headOf).sort((a, b) => b.text.length - a.text.length);
  }

  of(path: string): string {
    if (path === '*') return path;
    const bare = bareOf(path);
    const head = this.headOf(bare);
    if (head === null) return path;
    const { replacement } = this;
    const rest = path.slice(head.text.length);
    return sound((head.isWhole && replacement.endsWith('/') ? replacement.slice(0, -1) : replacement) + rest);
  }

  private headOf(bare: string): Head | null {
    const { heads } = this;
    for (let at = 0; at < heads.length; at++) if (isAtHead(heads[at]!, bare)) return heads[at]!;
    return null;
  }
}

interface Head {
  readonly text: string;
  /** Ends where a segment ends. */
  readonly isWhole: boolean;
}

/** Matches without a path match every one, as the prefix `/` does. */
function headOf(path: PathMatch | null): Head {
  if (path === null || path.kind === 'regex') return { text: '', isWhole: true };
  const { kind, value } = path;
  if (kind === 'exact') return { text: value, isWhole: true };
  const isWhole = kind === 'segments' || value.endsWith('/');
  return { text: isWhole && value.endsWith('/') ? value.slice(0, -1) : value, isWhole };
}

function isAtHead({ text, isWhole }: Head, bare: string): boolean {
  if (!bare.startsWith(text)) return false;
  return !isWhole || bare.length === text.length || bare[text.length] === '/';
}

/** All that a pattern matches in the path; the query is not looked at. */
class RegexRewrite implements PathRewrite {
  constructor(private readonly substitution: Substitution) {}

  of(path: string): string {
    if (path === '*') return path;
    const bare = bareOf(path);
    const found = this.substitution.of(bare);
    return found === bare ? path : sound(found) + queryOf(path);
  }
}

/** With its question mark; empty without one. */
export function queryOf(path: string): string {
  const at = path.indexOf('?');
  return at < 0 ? '' : path.slice(at);
}

/**
 * A path as an origin form begins: with a slash, and one alone. Two would be read as a host where the path stands by
 * itself (`Location: //elsewhere/`), and some read backslashes as slashes.
 */
export function sound(path: string): string {
  let at = 0;
  while (path[at] === '/' || path[at] === '\\') at++;
  if (at === 1 && path[0] === '/') return path;
  return `/${path.slice(at)}`;
}

/** Why a text cannot be (the beginning of) a path, or null. It is written as it goes out, with its percent signs. */
export function pathFlaw(text: string): string | null {
  if (!text.startsWith('/')) return 'it does not begin with `/`';
  if (text.startsWith('//')) return 'it begins with two slashes, which some read as a host';
  return targetFlaw(text);
}

/** Why a text cannot be part of a path, or null. */
export function targetFlaw(text: string): string | null {
  for (const character of text) {
    if (character === '?' || character === '#') return `it has a \`${character}\`, which ends a path`;
    if (character <= ' ' || character > '~' || character === '\\') {
      return 'it has blanks, backslashes, control characters, or others than ASCII';
    }
  }
  return null;
}
