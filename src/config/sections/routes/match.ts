import { z } from 'zod';
import { defaulted, isClean, optional, section } from '../../field.ts';
import { count, flag, name } from '../../values.ts';
import {
  fieldText,
  HOST_WORDS,
  hostPattern,
  listOf,
  METHOD_WORDS,
  mapOf,
  method,
  pathText,
  pattern,
  token,
} from './values.ts';

/** Each is looked at, one after another, for a request that came that far. */
const MAX_CONDITIONS = 16;
/** As many as a rule of the Gateway API may have in all. */
export const MAX_MATCHES = 64;
const MAX_HOSTS = 64;
const MAX_CALLERS = 64;
const MAX_METHODS = 16;
const MAX_ORDER = 10_000;

const PATH_KINDS = ['exact', 'prefix', 'segments', 'regex'] as const;
const PATH_WORDS = 'one of { exact: PATH }, { segments: PATH }, { prefix: PATH } and { regex: PATTERN }';

const pathSection = section({
  exact: optional(pathText('a path'), 'none', { scope: 'mesh', meaning: 'This path.' }),
  segments: optional(pathText('a path'), 'none', {
    scope: 'mesh',
    meaning: 'Paths that begin with these whole segments: `/a` is for `/a` and `/a/b`, and not for `/ab`.',
  }),
  prefix: optional(pathText('a path'), 'none', {
    scope: 'mesh',
    meaning: 'Paths that begin so: `/a` is for `/ab` too.',
  }),
  regex: optional(pattern(), 'none', {
    scope: 'mesh',
    meaning:
      "Paths of which this matches the whole, in RE2's syntax, which has no back-references and no look-around, and takes linear time.",
  }),
}).refine((path) => PATH_KINDS.filter((kind) => path[kind] !== null).length === 1, {
  error: PATH_WORDS,
  when: isClean,
});

const TEXT_KINDS = ['exact', 'prefix', 'suffix', 'contains', 'regex', 'present'] as const;
const VALUE_WORDS =
  'a text, or one of { exact: TEXT }, { prefix: TEXT }, { suffix: TEXT }, { contains: TEXT }, { regex: PATTERN } and { present: true }';

const conditionSection = section({
  exact: optional(fieldText('a text'), 'any value', { scope: 'mesh', meaning: 'It is this.' }),
  prefix: optional(fieldText('a text', 1), 'any value', { scope: 'mesh', meaning: 'It begins so.' }),
  suffix: optional(fieldText('a text', 1), 'any value', { scope: 'mesh', meaning: 'It ends so.' }),
  contains: optional(fieldText('a text', 1), 'any value', { scope: 'mesh', meaning: 'It has this in it.' }),
  regex: optional(pattern(), 'any value', { scope: 'mesh', meaning: "This matches the whole of it, in RE2's syntax." }),
  present: optional(flag(), 'any value', {
    scope: 'mesh',
    meaning: '`true`: it is there, whatever it says. `false`: it is not there.',
  }),
  not: defaulted(flag(), false, {
    scope: 'mesh',
    meaning: 'It must not match. What is not there does not.',
  }),
})
  .refine((condition) => TEXT_KINDS.filter((kind) => condition[kind] !== null).length === 1, {
    error: VALUE_WORDS,
    when: isClean,
  })
  .refine(({ present, not }) => present === null || !not, {
    error: 'present: false in place of not',
    when: isClean,
  });

const plain = fieldText('a text').transform((exact) => ({
  exact,
  prefix: null,
  suffix: null,
  contains: null,
  regex: null,
  present: null,
  not: false,
}));

const condition = z.union([plain, conditionSection], { error: VALUE_WORDS });

function conditions(name: z.ZodType<string, string>, what: string, meaning: string) {
  return defaulted(mapOf(name, condition, MAX_CONDITIONS, what), {}, { scope: 'mesh', meaning });
}

const PARAMETER_WORDS = 'the name of a parameter as it stands in the query, without &, =, # and blanks';
const parameter = z.string({ error: PARAMETER_WORDS }).regex(/^[!"$%'-<>-~]{1,128}$/, { error: PARAMETER_WORDS });

const GRPC_WORDS = 'a service, a method or both';
const GRPC_NAME_WORDS = 'a name such as shop.Cart';
const grpcName = () =>
  z.string({ error: GRPC_NAME_WORDS }).regex(/^[A-Za-z_][A-Za-z0-9_.]{0,254}$/, { error: GRPC_NAME_WORDS });

const grpcSection = section({
  service: optional(grpcName(), 'any', { scope: 'mesh', meaning: 'With its package: `shop.Cart`.' }),
  method: optional(grpcName(), 'any', { scope: 'mesh', meaning: 'The name of a method.' }),
}).refine(({ service, method }) => service !== null || method !== null, { error: GRPC_WORDS, when: isClean });

const matchSection = section({
  path: optional(pathSection, 'any', {
    scope: null,
    meaning: 'Compared as it came, without its query: `%41` is not `A`.',
  }),
  methods: optional(listOf(method(), MAX_METHODS, METHOD_WORDS), 'any', {
    scope: 'mesh',
    meaning: 'One of these. Case matters.',
  }),
  headers: conditions(
    token('the name of a header'),
    'headers',
    'Fields, in any case; for gRPC, metadata. A value alone is compared as it is. Lines of one name are joined by a comma.',
  ),
  query: conditions(parameter, 'parameters', 'Parameters of the query, not decoded; the first of each name counts.'),
  cookies: conditions(token('the name of a cookie'), 'cookies', 'Cookies. Case matters.'),
  grpc: optional(grpcSection, 'any', { scope: null, meaning: 'Calls of gRPC.' }),
});

/** Which requests. */
export const matchKeys = {
  hosts: optional(listOf(hostPattern(), MAX_HOSTS, HOST_WORDS), 'any', {
    scope: 'mesh',
    meaning:
      'What `Host` says, without its port: `orders`, `*.shop.local` (whatever ends so), `*`. Routes of an upstream need none: its name or port has led there.',
  }),
  match: optional(listOf(matchSection, MAX_MATCHES, 'what a request must be'), 'every request', {
    scope: null,
    meaning: 'All that a match says must hold. Of several, any may.',
  }),
  callers: optional(listOf(name(), MAX_CALLERS, 'the name of a service'), 'all', {
    scope: 'mesh',
    meaning: 'Only in the sidecars of these services.',
  }),
  order: defaulted(count(-MAX_ORDER, MAX_ORDER), 0, {
    scope: 'mesh',
    meaning:
      'Among the routes of a host those with a lower order are asked first, however exact the others are; of equals the precedence decides. 0, so that precedence is all there is: a negative one is for a route that must win, such as maintenance, a positive one for a last resort.',
  }),
};

export type WrittenMatch = z.output<typeof matchSection>;
export type WrittenCondition = z.output<typeof condition>;
