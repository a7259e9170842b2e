import { z } from 'zod';
import { GRPC_STATUS_NAMES, GRPC_STATUSES, type GrpcStatusName } from '../../../http/grpc-status.ts';
import { group, optional, section } from '../../field.ts';
import { choice, count, duration, flag, size } from '../../values.ts';
import { hashSection } from '../hash.ts';
import { conditions, headerMatches } from '../retry.ts';

const OWN = "the upstream's";
const mesh = (meaning: string) => ({ scope: 'mesh', meaning }) as const;
const timeout = (meaning: string) => optional(duration({ zero: true }), OWN, mesh(meaning));

const timeoutsSection = section({
  attempt: timeout('To the head of an answer, while another attempt could still follow.'),
  attemptIdle: timeout('Silence of an endpoint that has the request, before its answer begins.'),
  request: timeout('From the end of a request to the end of its answer, all attempts and waits included.'),
  streamIdle: timeout('Silence in the middle of a request or an answer.'),
  tunnelIdle: timeout('Silence of an upgraded connection.'),
  maxDuration: timeout('All of a request, whatever it does.'),
});

const RETRIED_GRPC = GRPC_STATUS_NAMES.filter((name) => GRPC_STATUSES[name] > 0) as readonly GrpcStatusName[];

const retrySection = section({
  maxAttempts: optional(count(1, 10), OWN, mesh('Attempts of one request, the first included; 1 is no retry.')),
  on: optional(conditions, OWN, mesh('What is worth another attempt.')),
  headers: optional(headerMatches, OWN, mesh('Fields of answers that are worth another attempt.')),
  idempotencyKey: optional(flag(), OWN, mesh('Whether requests with an `Idempotency-Key` may be made twice.')),
  maxRetryAfter: optional(duration(), OWN, mesh('The longest wait that an answer may ask for.')),
  statuses: optional(
    z
      .array(count(400, 599, 'an HTTP status'), { error: 'a list of HTTP statuses' })
      .max(200, { error: 'at most 200 statuses' }),
    OWN,
    mesh('Answers worth another attempt, for idempotent methods.'),
  ),
  grpcStatuses: optional(
    z
      .array(choice(RETRIED_GRPC), { error: 'a list of gRPC statuses' })
      .max(RETRIED_GRPC.length, { error: 'each gRPC status once' }),
    OWN,
    mesh('The same of gRPC.'),
  ),
  grpcIdempotent: optional(flag(), OWN, mesh('Whether calls of gRPC may be made twice.')),
  backoff: optional(duration(), OWN, mesh('Before retry n: a random wait up to this times 2^n - 1.')),
  maxBackoff: optional(duration(), OWN, mesh('The longest wait before a retry.')),
  replay: optional(
    size({ least: 1, most: 16 * 2 ** 20, zero: true }),
    OWN,
    mesh('A request body up to this size is kept, so that it can be sent again.'),
  ),
});

/** In place of the target's own. What bounds all requests of an upstream together is not a route's to change. */
export const policyKeys = {
  timeouts: group(timeoutsSection, "In place of the upstream's, key by key."),
  retry: group(retrySection, "In place of the upstream's, key by key. Its budget stays one for all."),
  hash: hashSection(),
};

export type WrittenPolicy = {
  readonly timeouts: z.output<typeof timeoutsSection>;
  readonly retry: z.output<typeof retrySection>;
};
