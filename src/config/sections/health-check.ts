import { z } from 'zod';
import { DEFAULT_CHECK } from '../../cluster/checks/options.ts';
import { SERVICE_FIELD } from '../../cluster/checks/prober.ts';
import { defaulted, optional, section } from '../field.ts';
import { formatDuration, formatSize } from '../units.ts';
import { choice, count, duration, flag, ratio, size, text } from '../values.ts';

const PATH_WORDS = 'a path such as /health';
const HEADER_WORDS = 'the name of a header';
const HEADERS_WORDS = 'a map of texts';
const STATUS_WORDS = 'a status such as 200 or a range such as 200-299';
const STATUSES_WORDS = 'a list of one to 20 statuses';
const HOST_WORDS = 'a host name';
const VALUE_WORDS = 'visible ASCII text of one line';
const BYTES_WORDS = 'a text of 1 to 1024 bytes';
const SERVICES_WORDS = 'a list of one to 20 names';

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** What a message says of itself is written by who sends it. */
const OWN_HEADER =
  /^(?!(?:connection|content-length|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*)$)[A-Za-z0-9!#$%&'*+.^_`|~-]+$/i;

const status = () =>
  z.string({ error: STATUS_WORDS }).regex(/^[2-5][0-9]{2}(?:-[2-5][0-9]{2})?$/, { error: STATUS_WORDS });
const statusRange = () => z.preprocess((value) => (typeof value === 'number' ? String(value) : value), status());
const bytes = () =>
  z
    .string({ error: BYTES_WORDS })
    .refine((value) => value !== '' && Buffer.byteLength(value) <= 1_024, { error: BYTES_WORDS });

const bodySection = section({
  text: optional(text('a text of one line'), 'anything', {
    scope: 'mesh',
    meaning: 'What the body has to have in it. A page of another program that answers 200, too, is found out by this.',
  }),
  within: defaulted(size({ least: 1, most: 65_536 }), formatSize(16_384), {
    scope: 'mesh',
    meaning: 'How much of the body is looked at. A page about health is smaller.',
  }),
}).refine(({ text }) => text !== null, { error: 'a text that its body has' });

const identitySection = section({
  header: defaulted(z.string({ error: HEADER_WORDS }).regex(TOKEN, { error: HEADER_WORDS }), SERVICE_FIELD, {
    scope: 'mesh',
    meaning:
      'The field of the answer that says who it is from. The default is what a remora with `inbound.identify` says; Envoy says `x-envoy-upstream-healthchecked-cluster`.',
  }),
  services: optional(
    z
      .array(text('the name of a service'), { error: SERVICES_WORDS })
      .min(1, { error: SERVICES_WORDS })
      .max(20, { error: SERVICES_WORDS }),
    'the service of the upstream, and those of its failover targets',
    { scope: 'mesh', meaning: 'One of these has to be its value.' },
  ),
});

const interval = (ms: number, meaning: string) =>
  defaulted(duration({ least: 100 }), formatDuration(ms), { scope: 'mesh', meaning });

export const healthCheckSection = section({
  type: optional(choice(['http', 'tcp', 'grpc']), '`grpc` with protocol grpc, `tcp` with tcp, else `http`', {
    scope: 'mesh',
    meaning:
      'What is asked: a page, a connection (and what is said on it), or the health protocol of gRPC, which needs an upstream that speaks HTTP/2.',
  }),
  path: optional(
    z.string({ error: PATH_WORDS }).regex(/^\/[!-~]{0,1023}$/, { error: PATH_WORDS }),
    'none; http needs one',
    {
      scope: 'mesh',
      meaning: 'The page. There is no default, since a page that is not there would take all endpoints out.',
    },
  ),
  method: defaulted(choice(['GET', 'HEAD', 'OPTIONS']), 'GET', { scope: 'mesh', meaning: 'Of http.' }),
  host: optional(
    z.string({ error: HOST_WORDS }).regex(/^[!-~]{1,255}$/, { error: HOST_WORDS }),
    'the name of the service',
    {
      scope: 'mesh',
      meaning: 'What the Host says, of http and grpc.',
    },
  ),
  statuses: defaulted(
    z
      .array(statusRange(), { error: STATUSES_WORDS })
      .min(1, { error: STATUSES_WORDS })
      .max(20, { error: STATUSES_WORDS }),
    ['200-299'],
    { scope: 'mesh', meaning: 'Answers of http that are good. A 503 that is not takes the endpoint out at once.' },
  ),
  body: optional(bodySection, 'anything', { scope: null, meaning: 'What the answer of http has to say.' }),
  headers: defaulted(
    z.record(
      z.string().regex(OWN_HEADER, { error: HEADER_WORDS }),
      z.string({ error: VALUE_WORDS }).regex(/^[!-~](?:[ -~]*[!-~])?$/, { error: VALUE_WORDS }),
      { error: HEADERS_WORDS },
    ),
    {},
    { scope: 'mesh', isSecret: true, meaning: 'Sent with every check of http, for pages that want a key.' },
  ),
  send: optional(bytes(), 'nothing', { scope: 'mesh', meaning: 'Of tcp: sent when connected.' }),
  expect: optional(bytes(), 'a connection is enough', {
    scope: 'mesh',
    meaning: 'Of tcp: has to come, anywhere in the first 4 KiB.',
  }),
  grpcService: optional(
    text('the name of a service').max(120, { error: 'at most 120 characters' }),
    'the server as a whole',
    {
      scope: 'mesh',
      meaning: 'Of grpc: the service that is asked for.',
    },
  ),
  identity: optional(identitySection, 'none: whoever answers well is well', {
    scope: null,
    meaning:
      'Who has to answer. An address that belongs to another service by now is down at its first answer, whatever that says.',
  }),
  interval: interval(
    DEFAULT_CHECK.intervalMs,
    'From the end of a check to the next. The usual one of checks of Consul.',
  ),
  unhealthyInterval: interval(
    DEFAULT_CHECK.unhealthyIntervalMs,
    'The same of an endpoint that is down, or whose last check failed: shorter, so that what has begun is known soon.',
  ),
  noTrafficInterval: interval(
    DEFAULT_CHECK.noTrafficIntervalMs,
    "The same of all endpoints while nobody has asked for one for so long: nobody is hurt then. Envoy's number; never below `interval`.",
  ),
  jitter: defaulted(ratio(0), DEFAULT_CHECK.jitter, {
    scope: 'mesh',
    meaning: 'Each interval is longer by up to this share of it, so that sidecars do not march in step.',
  }),
  initialJitter: defaulted(duration({ zero: true }), formatDuration(DEFAULT_CHECK.initialJitterMs), {
    scope: 'mesh',
    meaning: 'The first check of an endpoint comes within this, so that a start does not ask all at once.',
  }),
  timeout: defaulted(duration({ least: 10 }), formatDuration(DEFAULT_CHECK.timeoutMs), {
    scope: 'mesh',
    meaning: 'Of one check, its connection included.',
  }),
  healthyThreshold: defaulted(count(1, 100), DEFAULT_CHECK.healthyThreshold, {
    scope: 'mesh',
    meaning: "Passes in a row that bring an endpoint back. Its first one ever counts at once. HAProxy's number.",
  }),
  unhealthyThreshold: defaulted(count(1, 100), DEFAULT_CHECK.unhealthyThreshold, {
    scope: 'mesh',
    meaning:
      "Failures in a row that take it out; one is enough of an endpoint that has never passed, and where it says itself that it is not well. HAProxy's number.",
  }),
  newEndpoints: defaulted(choice(['use', 'wait']), DEFAULT_CHECK.newEndpoints, {
    scope: 'mesh',
    meaning:
      'Whether an endpoint is used before its first check. Used, since discovery says that it is well, and capacity must not wait for checks; `wait` where addresses are given to others soon.',
  }),
  heedAnswers: defaulted(flag(), DEFAULT_CHECK.heedsAnswers, {
    scope: 'mesh',
    meaning:
      'Whether an ordinary answer with `x-envoy-immediate-health-check-fail` takes its endpoint out until checks pass. On, since only who wants that says it.',
  }),
  keepLost: defaulted(duration({ zero: true }), formatDuration(DEFAULT_CHECK.keepLostMs), {
    scope: 'mesh',
    meaning:
      'How long an endpoint that discovery has lost is used as long as it passes. 0, since who is taken out of Consul is meant to be out, and a sudden loss of many is doubted anyway.',
  }),
});
