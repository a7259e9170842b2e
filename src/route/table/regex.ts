import type { RE2Set } from 're2js';
import { invariant } from '../../base/invariant.ts';

const MAX_PATTERN = 1024;
/** Of a compiled pattern. Each may cost a step for each character of a text. */
const MAX_INSTRUCTIONS = 256;
/** Copies that counted repeats make of their parts are compiled before anyone can count them. */
const MAX_COPIES = 4096;
/** Characters of a text. What is longer matches no pattern. */
const MAX_TEXT = 1024;
/** What one pattern remembers of the texts it has seen; beyond it forgets, and goes on. */
const MAX_MEMORY = 128 * 1024;

/** A pattern, asked of whole texts. It takes time in proportion to them, whatever they are. */
export interface Regex {
  matches(text: string): boolean;
}

let engine: typeof import('re2js') | null = null;

/**
 * Patterns of operators, by RE2: JavaScript's own engine may try very many ways to match a text, and here clients choose
 * the texts. Whoever meets a pattern sees to it that this was waited for; it is not read into memory before that, since
 * most configurations have none.
 *
 * A pattern of 256 instructions on a text of 1024 characters is the worst there is: about 10 ms when nothing is
 * remembered of it, and usual ones take a microsecond. That is the reason for both numbers.
 */
export async function readyRegex(): Promise<void> {
  engine ??= await import('re2js');
}

/** Of documents that may have a pattern in them, before they are judged. */
export async function readyRegexFor(texts: readonly string[]): Promise<void> {
  if (texts.some((text) => /regex/i.test(text))) await readyRegex();
}

/** What a pattern would have to be, or null when it is that. */
export function regexFlaw(pattern: string): string | null {
  // Whoever judges a document without having waited must not bring the program down for it.
  if (engine === null) return 'no pattern, since nobody has made ready for one';
  if (pattern === '' || pattern.length > MAX_PATTERN) return `a pattern of 1 to ${MAX_PATTERN} characters`;
  if (copiesIn(pattern) > MAX_COPIES) return 'a pattern whose repeats ({n}) are fewer or smaller';
  const size = sizeOf(pattern);
  if (size === null) return 'a pattern in RE2 syntax (no look-around, no back-references, repeats of at most 1000)';
  return size > MAX_INSTRUCTIONS
    ? `a smaller pattern: at most ${MAX_INSTRUCTIONS} instructions, and not ${size}`
    : null;
}

export function compileRegex(pattern: string): Regex {
  return new Re2Regex(pattern);
}

/** A set of one, because sets are what can be told how much to remember. */
class Re2Regex implements Regex {
  private readonly set: RE2Set;

  constructor(pattern: string) {
    const { RE2Set: Sets } = loaded();
    this.set = new Sets(Sets.ANCHOR_BOTH, 0, MAX_MEMORY);
    this.set.add(pattern);
    this.set.compile();
  }

  matches(text: string): boolean {
    return text.length <= MAX_TEXT && this.set.match(text).length > 0;
  }
}

/** Groups of one match: where all of it begins and ends, then each group; -1 for one that took no part. */
export type Spans = readonly number[];

/** Matches of a pattern inside of a text, from the left. */
export interface Finder {
  /** The first that begins at `from` or after it; null: there is none. */
  find(text: string, from: number): Spans | null;
}

/** How many groups a pattern has that is one. */
export function groupsOf(pattern: string): number {
  return loaded().RE2JS.compile(pattern).groupCount();
}

export function finderOf(pattern: string): Finder {
  const compiled = loaded().RE2JS.compile(pattern);
  const groups = compiled.groupCount();
  return {
    find(text, from) {
      if (text.length > MAX_TEXT) return null;
      const matcher = compiled.matcher(text);
      if (!matcher.find(from)) return null;
      const spans: number[] = [];
      for (let group = 0; group <= groups; group++) spans.push(matcher.start(group), matcher.end(group));
      return spans;
    },
  };
}

function loaded(): typeof import('re2js') {
  invariant(engine !== null, 'a pattern before readyRegex');
  return engine;
}

/** Null: it is no pattern. */
function sizeOf(pattern: string): number | null {
  const { RE2JS, RE2JSException } = loaded();
  try {
    return RE2JS.compile(pattern).programSize();
  } catch (error) {
    if (error instanceof RE2JSException) return null;
    throw error;
  }
}

const REPEAT = /\{(\d+)(?:,(\d*))?\}/y;

/** About as many instructions as its counted repeats make of it; what is no pattern has some number. */
function copiesIn(pattern: string): number {
  const around: number[] = [];
  let sum = 0;
  let last = 0;
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at];
    REPEAT.lastIndex = at;
    const repeat = sign === '{' ? REPEAT.exec(pattern) : null;
    if (repeat !== null) {
      const times = Math.max(Number(repeat[1]), Number(repeat[2] ?? 0), 1);
      sum += last * (times - 1);
      last *= times;
      at += repeat[0].length - 1;
    } else if (sign === '(') {
      around.push(sum);
      sum = 0;
    } else if (sign === ')') {
      last = sum + 2;
      sum = (around.pop() ?? 0) + last;
    } else {
      if (sign === '\\') at++;
      else if (sign === '[') at = endOfClass(pattern, at);
      last = 1;
      sum += 1;
    }
  }
  return sum;
}

function endOfClass(pattern: string, start: number): number {
  let at = start + (pattern[start + 1] === '^' ? 2 : 1);
  if (pattern[at] === ']') at++;
  while (at < pattern.length && pattern[at] !== ']') at += pattern[at] === '\\' ? 2 : 1;
  return at;
}

/**
 * What every text that matches begins with: plain characters up to the first that is not, where there is no choice.
 * It may be less than it could be, and never more.
 */
export function fixedBeginning(pattern: string): string {
  if (pattern.includes('|')) return '';
  const plain = /^[\w/~%@:;,=&! '"<>#-]*/.exec(pattern)![0];
  return /^[*?+{]/.test(pattern.slice(plain.length)) ? plain.slice(0, -1) : plain;
}
