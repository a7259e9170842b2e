import { z } from 'zod';
import { GRPC_STATUS_NAMES, GRPC_STATUSES, type GrpcStatusName } from '../../http/grpc-status.ts';
import type { LimitOptions, TimeoutOptions } from '../../policy/options.ts';
import { DEFAULT_BREAKER, DEFAULT_RETRY } from '../../policy/options.ts';
import { defaulted, group, type Scope, section } from '../field.ts';
import { formatDuration, formatSize } from '../units.ts';
import { choice, count, duration, flag, ratio, size } from '../values.ts';
import { placeLimits } from './capacity.ts';
import { retryKeys } from './retry.ts';

const MAX_REQUESTS = 1_000_000;

export function timeouts(defaults: TimeoutOptions, scope: Scope) {
  const timeout = (ms: number, meaning: string) =>
    defaulted(duration({ zero: true }), formatDuration(ms), { scope, meaning });
  return section({
    connect: timeout(defaults.connectMs, 'To open a connection.'),
    attempt: timeout(
      defaults.attemptMs,
      'To the head of an answer, while another attempt could still follow. Below `request`, so that a frozen endpoint leaves time for a second try.',
    ),
    attemptIdle: timeout(
      defaults.attemptIdleMs,
      'Silence of an endpoint that has the request, before its answer begins; bytes of the request and interim answers end it. Unlike `attempt` it also ends what cannot be tried again. Off, since only who knows the service can say that silence is death.',
    ),
    request: timeout(
      defaults.requestMs,
      'From the end of a request to the end of its answer, all attempts and waits included. Of a gRPC call, which may be a stream, to the head of its answer. A stream that may stay silent before its first message needs 0 here. What a caller says can only shorten it.',
    ),
    streamIdle: timeout(defaults.streamIdleMs, 'Silence in the middle of a request or an answer.'),
    tunnelIdle: timeout(defaults.tunnelIdleMs, 'Silence of a TCP connection or an upgraded one.'),
    maxDuration: timeout(
      defaults.maxDurationMs,
      'All of a request, a stream, an upgraded connection or a TCP connection, whatever it does. Off, since a stream that works should go on.',
    ),
  });
}

export function limits(defaults: LimitOptions, scope: Scope) {
  return section({
    maxRequests: defaulted(count(1, MAX_REQUESTS), defaults.maxRequests, {
      scope,
      meaning: "Requests and TCP connections in flight; more wait or are refused. Envoy's number.",
    }),
    maxParked: defaulted(count(0, MAX_REQUESTS), defaults.maxParked, {
      scope,
      meaning: 'Requests that may wait at once, for a backoff or for the first answer of discovery.',
    }),
    parkTimeout: defaulted(duration(), formatDuration(defaults.parkTimeoutMs), {
      scope,
      meaning: 'How long a request may wait for the first answer of discovery.',
    }),
    ...placeLimits(defaults, scope),
  });
}

export const breakerSection = section({
  consecutiveFailures: defaulted(count(1, 1_000_000), DEFAULT_BREAKER.consecutiveFailures, {
    scope: 'mesh',
    meaning: 'Failures in a row that open the circuit of one endpoint. The number of Envoy and Linkerd.',
  }),
  failureRatio: defaulted(ratio(Number.MIN_VALUE), DEFAULT_BREAKER.failureRatio, {
    scope: 'mesh',
    meaning:
      'Share of failures within the window that opens it too: an endpoint that fails every other time never fails often in a row.',
  }),
  minimumRequests: defaulted(count(1, 1_000_000), DEFAULT_BREAKER.minimumRequests, {
    scope: 'mesh',
    meaning: 'Requests the window must have seen before the share counts.',
  }),
  window: defaulted(duration({ least: 1_000 }), formatDuration(DEFAULT_BREAKER.windowMs), {
    scope: 'mesh',
    meaning: 'How far back the share looks.',
  }),
  coolDown: defaulted(duration(), formatDuration(DEFAULT_BREAKER.coolDownMs), {
    scope: 'mesh',
    meaning: 'How long a circuit stays open the first time; doubles with every trip, with jitter.',
  }),
  maxCoolDown: defaulted(duration(), formatDuration(DEFAULT_BREAKER.maxCoolDownMs), {
    scope: 'mesh',
    meaning: 'The longest it stays open.',
  }),
});

const status = () => count(400, 599, 'an HTTP status');
/** OK is no failure. */
const RETRIED_GRPC = GRPC_STATUS_NAMES.filter((name) => GRPC_STATUSES[name] > 0) as readonly GrpcStatusName[];
const { budget } = DEFAULT_RETRY;

export const retrySection = section({
  maxAttempts: defaulted(count(1, 10), DEFAULT_RETRY.maxAttempts, {
    scope: 'mesh',
    meaning: 'Attempts of one request, the first included; 1 is no retry.',
  }),
  ...retryKeys,
  statuses: defaulted(
    z.array(status(), { error: 'a list of HTTP statuses' }).max(200, { error: 'at most 200 statuses' }),
    [...DEFAULT_RETRY.statuses],
    {
      scope: 'mesh',
      meaning: 'Answers worth another attempt, for idempotent methods.',
    },
  ),
  grpcStatuses: defaulted(
    z
      .array(choice(RETRIED_GRPC), { error: 'a list of gRPC statuses' })
      .max(RETRIED_GRPC.length, { error: 'each gRPC status once' }),
    DEFAULT_RETRY.grpcStatuses.map((status) => GRPC_STATUS_NAMES[status]!),
    {
      scope: 'mesh',
      meaning:
        'The same of gRPC, for calls of which `grpcIdempotent` is said: answers without a message. UNAVAILABLE is the one that gRPC itself says to try again.',
    },
  ),
  grpcIdempotent: defaulted(flag(), DEFAULT_RETRY.grpcIdempotent, {
    scope: 'mesh',
    meaning:
      'Whether gRPC calls may be made twice, as GET may: then `grpcStatuses`, resets and slow attempts are tried again. Calls that no server has looked at are in any case. Off, since every call is a POST and only the owner of the service can know.',
  }),
  backoff: defaulted(duration(), formatDuration(DEFAULT_RETRY.backoffMs), {
    scope: 'mesh',
    meaning: 'Before retry n: a random wait up to this times 2^n - 1 (full jitter).',
  }),
  maxBackoff: defaulted(duration(), formatDuration(DEFAULT_RETRY.maxBackoffMs), {
    scope: 'mesh',
    meaning: 'The longest wait before a retry.',
  }),
  replay: defaulted(size({ least: 1, most: 16 * 2 ** 20, zero: true }), formatSize(DEFAULT_RETRY.replayBytes), {
    scope: 'mesh',
    meaning:
      'A request body up to this size is kept, so that it can be sent again. Memory is needed for every request in flight.',
  }),
  budget: group(
    section({
      ratio: defaulted(ratio(0), budget.ratio, {
        scope: 'mesh',
        meaning: 'Retries as a share of first attempts: what a retry may add to a load at most.',
      }),
      minPerSecond: defaulted(count(0, 100_000), budget.minPerSecond, {
        scope: 'mesh',
        meaning:
          'Retries that are always allowed, so that a quiet service can be retried at all. Each caller has them: where a thousand callers make a few requests a second each, 1 is enough.',
      }),
      window: defaulted(duration({ least: 1_000 }), formatDuration(budget.windowMs), {
        scope: 'mesh',
        meaning: 'How far back the share looks.',
      }),
    }),
    'Bounds the retries of one upstream together.',
  ),
});
