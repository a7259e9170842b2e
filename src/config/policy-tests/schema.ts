import { z } from 'zod';
import { FAILURE_CODES } from '../../base/failure.ts';
import { section } from '../field.ts';
import { layerOf } from '../kv-keys.ts';
import { choice, count, duration, label, name, path, port, text } from '../values.ts';

/** What a file of policy tests may say. None of it is configuration: no sidecar ever reads it. */
const MAX_TESTS = 2_000;
const MAX_ENDPOINTS = 1_000;

const LAYER_WORDS = 'mesh, service/NAME or caller/NAME';
const HEALTH = ['passing', 'warning', 'critical', 'maintenance'] as const;

/** The text or whatever else it may be; null for "there is none". */
const orNone = <S extends z.ZodType>(schema: S) => z.union([schema, z.null()]);

const anyText = (what: string) => z.string({ error: what });
const texts = (what: string) => z.record(z.string(), anyText(what), { error: `a map of names to ${what}` });

const assumedEndpoint = section({
  id: name(),
  address: text('an address').optional(),
  port: port().optional(),
  health: choice(HEALTH).prefault('passing'),
  tags: z.array(text('a tag'), { error: 'a list of tags' }).prefault([]),
  meta: texts('text').prefault({}),
  zone: text('a zone').optional(),
  weight: count(1, 65_535).prefault(1),
  /** What it says to every request. */
  answers: z
    .union([count(200, 599, 'a status'), z.literal('refused')], { error: 'a status from 200 to 599, or refused' })
    .prefault(200),
});

const assume = z.record(
  name(),
  z.array(assumedEndpoint, { error: 'a list of endpoints' }).max(MAX_ENDPOINTS, {
    error: `at most ${MAX_ENDPOINTS} endpoints`,
  }),
  { error: 'a map of services to lists of endpoints' },
);

const request = section({
  /** Of an upstream, or of the shared outbound port, which is meant without one. */
  port: port().optional(),
  host: text('a host').optional(),
  method: text('a method').prefault('GET'),
  path: text('a path')
    .refine((value) => /^(?:\/[\u0021-\u007e]*|\*)$/.test(value), {
      error: 'a path as it is sent, that begins with "/"',
    })
    .prefault('/'),
  headers: texts('the text of a field').prefault({}),
  /** The address of the client. */
  from: text('an address').prefault('127.0.0.1'),
  /** It has a body, of so many bytes. */
  bytes: count(0, 1_048_576).prefault(0),
});

/** Without what they are counted from, as the configuration calls them. */
const timeouts = section({
  connect: duration({ zero: true }).optional(),
  attempt: duration({ zero: true }).optional(),
  attemptIdle: duration({ zero: true }).optional(),
  request: duration({ zero: true }).optional(),
  streamIdle: duration({ zero: true }).optional(),
  tunnelIdle: duration({ zero: true }).optional(),
  maxDuration: duration({ zero: true }).optional(),
});

const ids = () => z.array(name(), { error: 'a list of ids of endpoints' });

const expectation = section({
  /** Its name; null: no route leads it. */
  route: orNone(label()).optional(),
  /** Null: it has none, or is answered by a route. */
  upstream: orNone(label()).optional(),
  subset: orNone(label()).optional(),
  shard: orNone(name()).optional(),
  /** Whoever it may go to first, in any order. */
  endpoints: ids().optional(),
  /** Whom it was tried with, in their order. */
  attempts: ids().optional(),
  maxAttempts: count(1, 100).optional(),
  timeouts: timeouts.optional(),
  status: count(100, 599, 'a status').optional(),
  /** The code of the failure; null: it is answered. */
  refusal: orNone(choice(FAILURE_CODES)).optional(),
  location: orNone(text('where a redirect leads')).optional(),
  /** Fields of the answer; null: it has none. */
  headers: z
    .record(z.string(), orNone(anyText('the text of a field, or null')), { error: 'a map of fields' })
    .optional(),
  /** What the endpoint is sent. */
  sent: section({
    host: text('a host').optional(),
    path: text('a path').optional(),
    headers: z
      .record(z.string(), orNone(anyText('the text of a field, or null')), { error: 'a map of fields' })
      .optional(),
  }).optional(),
}).refine((it) => Object.keys(it).length > 0, { error: 'at least one thing that is expected' });

const policyTest = section({
  name: text('what is tested, in a line'),
  caller: name().optional(),
  request: request.prefault({}),
  assume: assume.prefault({}),
  expect: expectation,
});

const documents = z.record(
  z.string().refine((key) => layerOf(key) !== null, { error: LAYER_WORDS }),
  z.union([path(), z.record(z.string(), z.unknown())], { error: 'the path of a file, or a document' }),
  { error: 'a map of layers to documents' },
);

export const policyTestSchema = section({
  /** The file of a sidecar; without it, one that says its name and nothing else. */
  config: path().optional(),
  documents: documents.optional(),
  /** The service whose sidecar is asked. */
  caller: name().optional(),
  assume: assume.prefault({}),
  tests: z
    .array(policyTest, { error: 'a list of tests' })
    .min(1, { error: 'at least one test' })
    .max(MAX_TESTS, { error: `at most ${MAX_TESTS} tests` }),
});

export type PolicyTests = z.output<typeof policyTestSchema>;
export type PolicyTest = PolicyTests['tests'][number];
export type Expectation = PolicyTest['expect'];
export type AskedRequest = PolicyTest['request'];
export type AssumedEndpoint = z.output<typeof assumedEndpoint>;
/** By service. */
export type Assumptions = Readonly<Record<string, readonly AssumedEndpoint[]>>;
