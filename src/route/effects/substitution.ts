import type { Finder, Spans } from '../table/regex.ts';

/** Of one text. What comes after them stays as it came. */
const MAX_MATCHES = 8;
/** No path is longer than any head that is read. */
const MAX_LENGTH = 65_536;

/**
 * Puts something in place of what a pattern matches, `\1` .. `\9` being its groups, `\0` all of it and `\\` a backslash.
 * Both the number of matches and the length of what comes out are bounded: a client chooses the text.
 */
export class Substitution {
  private readonly parts: readonly (string | number)[];

  constructor(
    private readonly finder: Finder,
    substitution: string,
  ) {
    this.parts = partsOf(substitution);
  }

  of(text: string): string {
    let result = '';
    let at = -1;
    let from = 0;
    for (let count = 0; count < MAX_MATCHES && from <= text.length && result.length < MAX_LENGTH; count++) {
      const spans = this.finder.find(text, from);
      if (spans === null) break;
      const [start, end] = spans as [number, number];
      // What may match nothing does so everywhere; as in RE2, not where the last match ends.
      from = end > start ? end : end + 1;
      if (end === start && start === at) continue;
      result += text.slice(Math.max(at, 0), start) + this.fill(text, spans);
      at = end;
    }
    return at < 0 ? text : result + text.slice(at);
  }

  private fill(text: string, spans: Spans): string {
    let filled = '';
    for (const part of this.parts) {
      if (typeof part === 'string') filled += part;
      else if ((spans[2 * part] ?? -1) >= 0) filled += text.slice(spans[2 * part], spans[2 * part + 1]);
    }
    return filled;
  }
}

/** Why a text cannot be put in place of what a pattern with so many groups matches, or null. */
export function substitutionFlaw(substitution: string, groups: number): string | null {
  for (const part of partsOf(substitution)) {
    if (typeof part === 'number' && part > groups) return `the pattern has no group ${part}`;
  }
  for (let at = 0; at < substitution.length; at++) {
    if (substitution[at] !== '\\') continue;
    at += 1;
    const next = substitution[at];
    if (next === undefined || !(next === '\\' || (next >= '0' && next <= '9'))) {
      return 'a backslash is followed by the number of a group, 0 to 9, or by another backslash';
    }
  }
  return null;
}

function partsOf(substitution: string): (string | number)[] {
  const parts: (string | number)[] = [];
  let plain = '';
  for (let at = 0; at < substitution.length; at++) {
    const sign = substitution[at]!;
    const next = substitution[at + 1];
    if (sign !== '\\' || next === undefined) plain += sign;
    else {
      at += 1;
      if (next < '0' || next > '9') plain += next;
      else {
        if (plain !== '') parts.push(plain);
        plain = '';
        parts.push(Number(next));
      }
    }
  }
  if (plain !== '') parts.push(plain);
  return parts;
}
