import type { RequestHead } from '../../http/head.ts';
import { endOfPath } from './target.ts';
import type { KeyText } from './text.ts';

/** Characters of a path that are looked at. */
const MAX_LOOKED_AT = 512;
const MAX_LENGTH = 256;
const MAX_REPEATS = 2;
/** Repeats, options and alternatives. Each option may double the ways to match. */
const MAX_OPEN = 4;

/**
 * The first group of a regular expression, or all that it matches where it has no group or that took no part. It must
 * match at the beginning of the path; of a very long path the first part counts. What matches nothing is no key.
 *
 * JavaScript's engine tries one way after the other, and a client could choose a path for which there are very many. So
 * patterns are held to a form (`patternProblem`) in which the number of ways is at most a few times the square of the
 * length: two milliseconds for the worst pattern on the worst path.
 */
export class PatternText implements KeyText {
  private readonly pattern: RegExp;

  constructor(pattern: string) {
    this.pattern = new RegExp(pattern, 'uy');
  }

  read(head: RequestHead | null): string | null {
    if (head === null) return null;
    this.pattern.lastIndex = 0;
    const found = this.pattern.exec(head.path.slice(0, Math.min(endOfPath(head.path), MAX_LOOKED_AT)));
    const text = found === null ? '' : (found[1] ?? found[0]);
    return text === '' ? null : text;
  }
}

/** What a pattern would have to be, or null when it is that. */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > MAX_LENGTH) return `a regular expression of at most ${MAX_LENGTH} characters`;
  if (!isRegExp(pattern)) return 'a regular expression as JavaScript has them';
  const plain = withoutClasses(pattern);
  if (LOOKS_ELSEWHERE.test(plain)) return 'a regular expression without look-around and back-references';
  const { repeats, open, isNested } = shapeOf(plain);
  if (isNested) return 'a regular expression with no repeat, option or alternative inside of what is repeated';
  if (repeats > MAX_REPEATS) return `a regular expression with at most ${MAX_REPEATS} repeats, or { segment: N }`;
  if (open > MAX_OPEN) return `a regular expression with at most ${MAX_OPEN} repeats, options and alternatives`;
  return null;
}

function isRegExp(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'uy') !== null && pattern !== '';
  } catch {
    return false;
  }
}

const LOOKS_ELSEWHERE = /\(\?<?[=!]|\\[1-9k]/;

/** The same with a plain letter for each class and each escaped character that is no reference. */
function withoutClasses(pattern: string): string {
  return pattern.replace(/\\[pPu]\{[^}]*\}|\\[^1-9k]|\[(?:\\.|[^\]\\])*\]/gs, 'x');
}

const TOKENS = /\(\?(?:<\w+>|:)|[()|]|(?:[*+?]|\{\d+(?:,\d*)?\})\??/g;
const EXACT = /^\{\d+\}/;

/** Reads a pattern without classes and escapes, so that every sign is what it looks like. */
function shapeOf(pattern: string): { readonly repeats: number; readonly open: number; readonly isNested: boolean } {
  let repeats = 0;
  let open = 0;
  let isNested = false;
  /** Of the whole and of each group around: does it hold a choice or a count? */
  const holds = [false];
  let closed = { end: -1, holds: false };
  for (const { 0: token, index } of pattern.matchAll(TOKENS)) {
    if (token.startsWith('(')) {
      holds.push(false);
      continue;
    }
    if (token === ')') {
      closed = { end: index + 1, holds: holds.pop()! };
      holds[holds.length - 1] ||= closed.holds;
      continue;
    }
    const repeatsMore = token[0] !== '|' && token[0] !== '?';
    isNested ||= repeatsMore && index === closed.end && closed.holds;
    holds[holds.length - 1] = true;
    if (EXACT.test(token)) continue;
    open += 1;
    if (repeatsMore) repeats += 1;
  }
  return { repeats, open, isNested };
}
