import { z } from 'zod';
import { regexFlaw } from '../../../route/table/regex.ts';

/** What routes are written in, beyond the kinds of `values.ts`. The message of each says what would be right. */

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const MAX_TEXT = 1024;

export function token(what: string) {
  return z
    .string({ error: what })
    .regex(TOKEN, { error: what })
    .max(128, { error: `${what}, at most 128 characters` });
}

/** A list of them; one alone needs none. `one` says what one is. */
export function listOf<S extends z.ZodType>(item: S, most: number, one: string) {
  const error = `${one}, or a list of 1 to ${most}`;
  const list = z.array(item, { error }).min(1, { error }).max(most, { error });
  return z.union([list, item.transform((one) => [one])], { error }) as z.ZodType<z.output<S>[], z.input<S>[]>;
}

export function mapOf<K extends z.ZodType<string, string>, S extends z.ZodType>(
  key: K,
  item: S,
  most: number,
  what: string,
) {
  return z
    .record(key, item, { error: `a map of ${what}` })
    .refine((map) => Object.keys(map).length <= most, { error: `at most ${most} ${what}` });
}

/** What may stand in a field, a cookie or a parameter. What YAML takes for a number or a word stands for itself. */
export function fieldText(what: string, least = 0) {
  const error = `${what} of ${least} to ${MAX_TEXT} printable ASCII characters`;
  const written = z.string({ error }).regex(/^[\x20-\x7e]*$/, { error });
  const unquoted = [z.int({ error }).transform(String), z.boolean({ error }).transform(String)] as const;
  return z.union([written.min(least, { error }).max(MAX_TEXT, { error }), ...unquoted], { error });
}

/** As it comes in a request, but without a query. */
export function pathText(what: string) {
  const error = `${what} that begins with /, without ?, # and blanks, of at most ${MAX_TEXT} characters`;
  return z
    .string({ error })
    .regex(/^\/[!"$->@-~]*$/, { error })
    .max(MAX_TEXT, { error });
}

/** An expression in RE2's syntax, which takes linear time whatever is matched. */
export function pattern() {
  return z
    .string({ error: 'a regular expression' })
    .refine((value) => regexFlaw(value) === null, { error: ({ input }) => regexFlaw(String(input)) ?? '' });
}

const HOST =
  /^(?=.{1,253}$)(?:\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*|\[[0-9a-f:.]+\])$/;

export const HOST_WORDS = 'a host such as orders, *.shop.local or *, without a port';

/** Hosts know no case. */
export function hostPattern() {
  const error = HOST_WORDS;
  return z
    .string({ error })
    .transform((value) => value.toLowerCase())
    .pipe(z.string().regex(HOST, { error }));
}

const KNOWN_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];

export const METHOD_WORDS = 'a method such as GET, in upper case';

/** Methods know case, so `get` would match nothing that anybody sends. */
export function method() {
  const error = METHOD_WORDS;
  return token(error).refine((value) => KNOWN_METHODS.includes(value) || !KNOWN_METHODS.includes(value.toUpperCase()), {
    error,
  });
}
