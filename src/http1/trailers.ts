import { FieldList } from '../http/fields.ts';
import { classify, OTHER } from './field-names.ts';
import { HeadLines } from './head-lines.ts';

const MAX_TRAILERS = 64;

/**
 * Fields that a trailer must not carry (RFC 9110, 6.5.1), since they say how to frame, route, authorise or process a
 * message that has been acted on by the time they come. Those that `field-names.ts` knows are left out besides.
 */
const FORBIDDEN = new Set([
  ...[
    'age',
    'authorization',
    'authentication-info',
    'cache-control',
    'cookie',
    'date',
    'expires',
    'forwarded',
    'location',
  ],
  ...[
    'max-forwards',
    'pragma',
    'proxy-authenticate',
    'proxy-authorization',
    'proxy-authentication-info',
    'range',
    'retry-after',
  ],
  ...['set-cookie', 'trailer', 'vary', 'via', 'warning', 'www-authenticate'],
]);
const FORBIDDEN_PREFIXES = ['content-', 'if-', 'x-forwarded-'];

/**
 * The fields of a trailer section: lines with their CRLF, and the empty line. `undefined` when it is malformed, null
 * when nothing in it may be passed on.
 */
export function parseTrailers(section: Buffer): FieldList | null | undefined {
  const lines = new HeadLines();
  if (lines.readLines(section, 0, 0, section.length, MAX_TRAILERS) !== 'ok') return undefined;
  const kept = new FieldList();
  for (let line = 0; line < lines.size; line++) {
    const name = lines.name(line);
    if (lines.ids[line] === OTHER && mayTrail(name)) kept.add(name, lines.value(line));
  }
  return kept.size === 0 ? null : kept;
}

/** May a field with this lower-case name, from any wire, be in a trailer section of HTTP/1.1? */
export function mayTrailHere(name: string): boolean {
  return classify(name, 0, name.length) === OTHER && mayTrail(name);
}

/** The same for a field of no kind that the wire knows. */
export function mayTrail(name: string): boolean {
  return !FORBIDDEN.has(name) && !FORBIDDEN_PREFIXES.some((prefix) => name.startsWith(prefix));
}
