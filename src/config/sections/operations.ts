// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { z } from 'zod';
import { defaulted, group, optional, required, section } from '../field.ts';
import { choice, count, duration, flag, listenPort, path, ratio, size, text } from '../values.ts';
import { http2Section } from './http2.ts';
import { listenAt } from './listeners.ts';
import { overloadSection } from './overload.ts';

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const variable = () =>
  z.string({ error: 'the name of a variable' }).regex(VARIABLE, { error: 'the name of a variable' });

const KIB = 1_024;
const MIB = 1_048_576;

/** The gRPC port stands this far from the admin port, so that sidecars that share a machine set one number each. */
export const GRPC_PORT_OFFSET = 10;

export const adminSection = section({
  address: listenAt('Where operators reach the sidecar. Whoever can reach it can read the configuration.'),
  port: defaulted(listenPort(), 15_000, {
    scope: 'local',
    meaning: 'Status, metrics and drain over HTTP. 0: any free one.',
  }),
  grpcPort: optional(
    z.union([listenPort(), z.literal('off')], { error: 'a port from 0 to 65535, or off' }),
    `admin.port + ${GRPC_PORT_OFFSET}`,
    {
      scope: 'local',
      meaning: 'The same over gRPC, with grpc.health.v1; `off` for none. When admin.port is 0, any free one.',
    },
  ),
  tokenFile: optional(path(), 'changes are refused', {
    scope: 'local',
    meaning: 'A file with the token that `POST /drain` asks for.',
  }),
});

const ENDPOINT_WORDS = 'the address of a collector such as http://127.0.0.1:4318';
const ENDPOINT = /^https?:\/\/[^\s/@]+(?:\/[^\s]*)?$/i;
const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export const telemetrySection = section({
  otlp: optional(
    section({
      endpoint: required(z.string({ error: ENDPOINT_WORDS }).regex(ENDPOINT, { error: ENDPOINT_WORDS }), {
        scope: 'local',
        meaning: 'The base address of an OpenTelemetry collector. Else `OTEL_EXPORTER_OTLP_ENDPOINT`.',
      }),
      protocol: optional(choice(['grpc', 'http/protobuf']), 'grpc for port 4317, else http/protobuf', {
        scope: 'local',
        meaning:
          'What the collector speaks there; 4317 is the registered port of gRPC. Else `OTEL_EXPORTER_OTLP_PROTOCOL`.',
      }),
      headers: defaulted(
        z.record(z.string().regex(HEADER, { error: 'the name of a header' }), text('text of one line'), {
          error: 'a map of texts',
        }),
        {},
        {
          scope: 'local',
          isSecret: true,
          meaning: 'Sent with every export, for collectors that want a key. Else `OTEL_EXPORTER_OTLP_HEADERS`.',
        },
      ),
    }),
    'spans are not exported',
    { scope: null, meaning: 'Export of spans.' },
  ),
  sampleRatio: defaulted(ratio(0), 0.01, {
    scope: 'mesh',
    meaning:
      'Share of requests that begin a trace here; those that come with one keep its decision. One in a hundred costs next to nothing.',
  }),
  accessLog: defaulted(choice(['off', 'failures', 'all']), 'failures', {
    scope: 'mesh',
    meaning: 'Which requests are logged. Failures, since those are the lines somebody will look for.',
  }),
});

export const httpSection = section({
  maxHead: defaulted(size({ least: KIB, most: MIB }), '64KiB', {
    scope: 'local',
    meaning: 'Head of a request or an answer; more is answered 431. About what Envoy allows.',
  }),
  maxFields: defaulted(count(1, 10_000), 100, {
    scope: 'local',
    meaning: 'Fields in a head, as in Envoy; more is answered 431.',
  }),
  maxTarget: defaulted(size({ least: 256, most: MIB }), '8KiB', {
    scope: 'local',
    meaning: 'Target of a request; more is answered 414. What most servers allow.',
  }),
  headTimeout: defaulted(duration({ least: 100 }), '10s', {
    scope: 'local',
    meaning: 'From the first byte of a request to the end of its head; slower is answered 408.',
  }),
  clientIdle: defaulted(duration({ least: 1_000 }), '10m', {
    scope: 'local',
    meaning:
      'A client connection without a request. Longer than the pools of common clients keep theirs (Go 90 s, OkHttp 5 min), so that the client closes first and no request meets a closing connection.',
  }),
  upstreamIdle: defaulted(duration({ least: 100 }), '4s', {
    scope: 'local',
    meaning:
      "A pooled connection without a request, until an endpoint says how long it keeps them. Just below the 5 s of Node's own server.",
  }),
  maxConnections: defaulted(count(1, 1_000_000), 10_000, {
    scope: 'local',
    meaning:
      'Accepted connections per listener: a bound on memory. All listeners together take half of the file descriptors at most.',
  }),
});

export const shutdownSection = section({
  propagation: defaulted(duration({ zero: true }), '5s', {
    scope: 'local',
    meaning: 'How long the service still accepts after it was taken out of Consul, for callers to notice.',
  }),
  timeout: defaulted(duration(), '30s', {
    scope: 'local',
    meaning: 'The whole shutdown at most. What Kubernetes gives a pod.',
  }),
});

/** What documents from Consul may have of this machine: those who write them are not those who run it. */
export const secretsSection = section({
  dir: optional(path(), 'no files', {
    scope: 'local',
    meaning: 'The folder whose files `${file:NAME}` in documents from Consul may stand for.',
  }),
  allowEnv: defaulted(
    z.array(variable(), { error: 'a list of names of variables' }).max(100, { error: 'at most 100 names' }),
    [],
    {
      scope: 'local',
      meaning: 'The variables that `${env:NAME}` in documents from Consul may stand for.',
    },
  ),
});

export const operations = {
  admin: group(adminSection, 'For operators.'),
  telemetry: group(telemetrySection, 'What is reported, and where to.'),
  http: group(httpSection, 'Limits of HTTP connections, both directions.'),
  http2: group(http2Section, 'Limits of HTTP/2 connections, both directions, besides those of `http`.'),
  overload: group(
    overloadSection,
    'When this process itself has too much to do: the least important requests are refused first, with 503 `sidecar_overloaded`. The admin port never is.',
  ),
  shutdown: group(shutdownSection, 'The orderly stop.'),
  secrets: group(secretsSection, 'What references in documents from Consul may stand for. Nothing, unless it is said.'),
  allowEmpty: optional(flag(), '`false`', {
    scope: 'mesh',
    meaning:
      'In a document from Consul: it may take away every upstream, or every route, at once. Without it such a document is refused, since most are a slip.',
  }),
  stateDir: optional(path(), 'nothing is kept', {
    scope: 'local',
    meaning:
      'A folder for the last good endpoints, so that the sidecar starts with Consul away. Unset because only the operator knows which folder outlives the process.',
  }),
};
