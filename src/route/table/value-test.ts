import type { RequestHead } from '../../http/head.ts';
import { CookieText } from '../keys/cookie.ts';
import type { TextMatch, ValueMatch } from './options.ts';
import { compileRegex, type Regex } from './regex.ts';

/** How patterns become what is asked; one object for equal patterns. */
export type RegexMaker = (pattern: string) => Regex;

export const EACH_ITS_OWN: RegexMaker = compileRegex;

/** A text, or a part of one in its place: nothing is cut out of a request to be compared. */
export class TextTest {
  private readonly kind: TextMatch['kind'];
  private readonly value: string;
  private readonly regex: Regex | null;

  constructor(match: TextMatch, regexOf: RegexMaker) {
    this.kind = match.kind;
    this.value = match.kind === 'present' ? '' : match.value;
    this.regex = match.kind === 'regex' ? regexOf(match.value) : null;
  }

  holds(text: string, start: number, end: number): boolean {
    const { value } = this;
    const length = end - start;
    switch (this.kind) {
      case 'present':
        return true;
      case 'exact':
        return length === value.length && text.startsWith(value, start);
      case 'prefix':
        return length >= value.length && text.startsWith(value, start);
      case 'suffix':
        return length >= value.length && text.startsWith(value, end - value.length);
      case 'contains':
        return isWithin(text.indexOf(value, start), value.length, end);
      case 'regex':
        return this.regex!.matches(text.slice(start, end));
    }
  }
}

function isWithin(at: number, length: number, end: number): boolean {
  return at !== -1 && at + length <= end;
}

/** What is asked of one field, cookie or parameter. One that is absent does not match; inverted, that is what holds. */
export interface ValueTest {
  holds(head: RequestHead): boolean;
}

/** Several lines of a field are one list. */
export class HeaderTest implements ValueTest {
  private readonly test: TextTest;

  constructor(
    private readonly options: ValueMatch,
    regexOf: RegexMaker,
  ) {
    this.test = new TextTest(options.match, regexOf);
  }

  holds(head: RequestHead): boolean {
    const value = head.get(this.options.name);
    return (value !== null && this.test.holds(value, 0, value.length)) !== this.options.isInverted;
  }
}

/** The first cookie of the name, as it is for keys: an empty one is none, quotes are no part of it. */
export class CookieTest implements ValueTest {
  private readonly test: TextTest;
  private readonly text: CookieText;

  constructor(
    private readonly options: ValueMatch,
    regexOf: RegexMaker,
  ) {
    this.test = new TextTest(options.match, regexOf);
    this.text = new CookieText(options.name);
  }

  holds(head: RequestHead): boolean {
    const value = this.text.read(head);
    return (value !== null && this.test.holds(value, 0, value.length)) !== this.options.isInverted;
  }
}

/** The first parameter of the name, nothing decoded, looked for where it stands. */
export class QueryTest implements ValueTest {
  private readonly test: TextTest;

  constructor(
    private readonly options: ValueMatch,
    regexOf: RegexMaker,
  ) {
    this.test = new TextTest(options.match, regexOf);
  }

  holds({ path }: RequestHead): boolean {
    return this.isThere(path) !== this.options.isInverted;
  }

  private isThere(path: string): boolean {
    const { name } = this.options;
    for (let mark = path.indexOf('?'); mark !== -1; mark = path.indexOf('&', mark + 1)) {
      if (!path.startsWith(name, mark + 1)) continue;
      const nameEnd = mark + 1 + name.length;
      if (nameEnd === path.length || path[nameEnd] === '&') return this.test.holds(path, nameEnd, nameEnd);
      if (path[nameEnd] !== '=') continue;
      const next = path.indexOf('&', nameEnd);
      return this.test.holds(path, nameEnd + 1, next === -1 ? path.length : next);
    }
    return false;
  }
}
