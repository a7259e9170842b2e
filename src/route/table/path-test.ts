import type { PathMatch } from './options.ts';
import type { Regex } from './regex.ts';
import type { RegexMaker } from './value-test.ts';

const SLASH = 47;

/** The path of a request (`path[0..end]`, without its query) against the one of a match. */
export interface PathTest {
  holds(path: string, end: number): boolean;
}

/** Any path, a route without one. */
export const ANY_PATH: PathTest = { holds: () => true };

export function pathTest({ kind, value }: PathMatch, regexOf: RegexMaker): PathTest {
  switch (kind) {
    case 'exact':
      return new ExactPath(value);
    case 'prefix':
      return new PrefixPath(value);
    case 'segments':
      return new SegmentsPath(segmentsKey(value));
    case 'regex':
      return new RegexPath(regexOf(value));
  }
}

/** Segments as they are compared: a slash at the end makes no difference. */
export function segmentsKey(value: string): string {
  return value.endsWith('/') ? value.slice(0, -1) : value;
}

class ExactPath implements PathTest {
  constructor(private readonly value: string) {}

  holds(path: string, end: number): boolean {
    return end === this.value.length && path.startsWith(this.value);
  }
}

class PrefixPath implements PathTest {
  constructor(private readonly value: string) {}

  holds(path: string, end: number): boolean {
    return end >= this.value.length && path.startsWith(this.value);
  }
}

class SegmentsPath implements PathTest {
  constructor(private readonly value: string) {}

  holds(path: string, end: number): boolean {
    return path.startsWith(this.value) && endsSegment(path, this.value.length, end);
  }
}

/** Does a segment end at `at`? */
export function endsSegment(path: string, at: number, end: number): boolean {
  return at === end || (at < end && path.charCodeAt(at) === SLASH);
}

class RegexPath implements PathTest {
  constructor(private readonly regex: Regex) {}

  holds(path: string, end: number): boolean {
    return this.regex.matches(end === path.length ? path : path.slice(0, end));
  }
}
