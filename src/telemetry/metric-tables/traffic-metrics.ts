import type { MetricFacts } from './metric-facts.ts';

/** Requests, calls and connections, and what becomes of them. */
export const TRAFFIC_METRICS = {
  // --- Exchanges ---
  remora_requests_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'status', 'failure'],
    help: 'Requests that are over, by the class of the status the client was answered and what failed.',
  },
  remora_request_duration_seconds: {
    type: 'histogram',
    labels: ['direction', 'upstream'],
    help: 'Time from the head of the request to the end of its answer, retries and waits included.',
  },
  remora_requests_active: {
    type: 'gauge',
    labels: ['direction', 'upstream'],
    help: 'Requests in progress.',
  },
  remora_attempts_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'endpoint', 'outcome'],
    help: 'Attempts by endpoint and by what they showed of it: success, failure, or ignored for no evidence.',
  },
  remora_retries_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Attempts that failed and were followed by another.',
  },
  remora_resends_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Those of them after which nobody can have seen the request: not connected, or refused unseen. They add nothing to the load of an application.',
  },
  remora_retries_active: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'Requests in progress that are retries, out of retry.maxConcurrent.',
  },
  remora_spent_traces_dropped_total: {
    type: 'counter',
    labels: [],
    help: 'Traces that should not be retried further up and were forgotten early, because too many were.',
  },
  remora_retries_refused_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'reason'],
    help: 'Retries that were wanted and not made: no budget left, no room to wait (parking), as many at once as may be (concurrent), a body not kept whole, the request is a retry itself (marked), its answer says so (asked_not_to), or no answer could come before its deadline (time).',
  },
  remora_hedges_total: {
    type: 'counter',
    labels: ['upstream', 'result'],
    help: 'Second attempts beside a slow first: sent; of those won, whose answer the client got; and refused, which were due and had no budget.',
  },
  remora_route_requests_total: {
    type: 'counter',
    labels: ['route'],
    help: "Requests that a route led, whatever became of them: `/name` of the shared port's, `upstream/name` of an upstream's own. The first 200; all others together are `other`.",
  },
  remora_routes: {
    type: 'gauge',
    labels: [],
    help: 'Routes in force.',
  },
  remora_overrides_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Requests that said where they are to go: taken there, or refused.',
  },
  remora_route_answers_total: {
    type: 'counter',
    labels: ['upstream', 'answer'],
    help: 'Requests that their route answered in place of an endpoint: redirect, respond, maintenance, or preflight. The upstream is `-` for routes of the shared port that lead nowhere.',
  },
  remora_mirrors_total: {
    type: 'counter',
    labels: ['result'],
    help: 'Copies of requests for mirrors, by how they ended: ok, error (a status of the server, 500 and above), failed (no answer); or never sent: body (not kept whole), full (too many at once), no_upstream.',
  },
  remora_mirrors_active: {
    type: 'gauge',
    labels: [],
    help: 'Copies under way.',
  },
  remora_hash_keys_missing_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Requests, and opaque connections, with nothing of what is hashed: their endpoint was the choice of the balancer.',
  },

  // --- Turned away at the door ---
  remora_rate_limited_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'limit', 'mode'],
    help: 'Requests beyond a rate limit: refused (enforce), or let in all the same (observe).',
  },
  remora_rate_limit_keys: {
    type: 'gauge',
    labels: ['direction', 'upstream', 'limit'],
    help: 'Buckets of a rate limit: one for each key that was seen, at most `maxKeys`.',
  },
  remora_rate_limit_evicted_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'limit'],
    help: 'Buckets that were given to another key before they were full again, so that their keys may come in too often: raise `maxKeys`.',
  },
  remora_throttled_total: {
    type: 'counter',
    labels: ['upstream', 'mode'],
    help: 'Requests held back because the service refuses or fails too much of what it is sent: refused (enforce), or what would have been (observe).',
  },
  remora_throttle_ratio: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'Share of usual requests that is, or would be, held back now.',
  },
  remora_overload_pressure: {
    type: 'gauge',
    labels: ['resource'],
    help: 'How near this process is to a bound of its own, from 0 to 1: the delay of its event loop, its heap, its sockets.',
  },
  remora_shed_total: {
    type: 'counter',
    labels: ['what', 'mode'],
    help: 'Requests by criticality, and new connections (connection), that were refused for the overload of this process, or would have been (observe).',
  },

  // --- Faults and fallbacks ---
  remora_faults_in_force: {
    type: 'gauge',
    labels: ['direction', 'upstream'],
    help: 'Faults that are configured and have not ended yet. Absent where there never were any.',
  },
  remora_faults_injected_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'kind'],
    help: 'Faults that befell requests and opaque connections on purpose: delay, abort, reset or bandwidth.',
  },
  remora_faults_skipped_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Those that passed unharmed because a fault held as many already as it may (maxActive).',
  },
  remora_fallbacks_total: {
    type: 'counter',
    labels: ['upstream', 'kind'],
    help: 'Requests whose client got something else than a failure: another cluster was asked, or it had a stale answer or the static one.',
  },
  remora_fallback_cache_entries: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'Targets whose last good answer is kept.',
  },
  remora_fallback_cache_bytes: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'What they take, answers that are being copied included.',
  },
  remora_fallback_cache_answers_total: {
    type: 'counter',
    labels: ['upstream', 'fate'],
    help: 'Answers that could be kept: kept, evicted again to make room, or too large.',
  },

  // --- gRPC ---
  remora_grpc_calls_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'service', 'method', 'grpc_status', 'failure'],
    help: 'Calls of gRPC that are over, by what was called, the number of the status they ended with and what failed. They are requests too.',
  },
  remora_grpc_call_duration_seconds: {
    type: 'histogram',
    labels: ['direction', 'upstream', 'service', 'method'],
    help: 'Time from the head of a call to the end of its answer, retries and waits included. A stream counts as one call.',
  },
  remora_grpc_calls_unnamed_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Calls counted as service and method other: no endpoint knew the method yet, or too many others are known.',
  },

  // --- Limits ---
  remora_limit: {
    type: 'gauge',
    labels: ['direction', 'upstream', 'limit'],
    help: 'What bounds the traffic of an upstream: requests (limits.maxRequests), connections (limits.maxConnections), and adaptive for the number of requests that is learned. That one refuses nobody unless adaptive.mode is enforce.',
  },
  remora_limit_in_flight: {
    type: 'gauge',
    labels: ['direction', 'upstream', 'limit'],
    help: 'What stands against that limit: requests in flight, TCP connections among them, and connections to endpoints, idle ones among them.',
  },
  remora_adaptive_gradient: {
    type: 'gauge',
    labels: ['direction', 'upstream'],
    help: 'What the last step multiplied the learned limit by: 1 while nothing queues at the endpoints, less the slower they answer, or the more they refuse.',
  },
  remora_adaptive_refused_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'criticality'],
    help: 'Times that the learned limit had no place for a request of this criticality. One that waits is counted each time it asks.',
  },
  remora_adaptive_would_refuse_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'criticality'],
    help: 'The same where the limit is only observed, and the request was let through.',
  },
  remora_pending_active: {
    type: 'gauge',
    labels: ['direction', 'upstream'],
    help: 'Requests and TCP connections that wait for a place in a limit, or for a connection.',
  },
  remora_pending_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Requests and TCP connections that had to wait for one.',
  },
  remora_pending_refused_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'reason'],
    help: 'Those that were refused: as many or as much waited as may (full), one that matters more came to a full line (displaced), or no place became free in time (time).',
  },
  remora_connections_refused_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Times that a connection to an endpoint was wanted, and as many as may be were open with none idle.',
  },
  remora_connections_displaced_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Idle connections to endpoints that were closed to make room for others.',
  },

  // --- Writes without a primary ---
  remora_held_active: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'Writes and TCP connections that wait for a primary.',
  },
  remora_held_total: {
    type: 'counter',
    labels: ['upstream'],
    help: 'Writes and TCP connections that had to wait for a primary.',
  },
  remora_held_refused_total: {
    type: 'counter',
    labels: ['upstream', 'reason'],
    help: 'Those of them that were refused: as many or as much was held as may be (full), or no primary came in time (time).',
  },

  // --- Tunnels ---
  remora_tunnels_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'failure'],
    help: 'Opaque connections that are over.',
  },
  remora_tunnels_active: {
    type: 'gauge',
    labels: ['direction', 'upstream'],
    help: 'Opaque connections in progress.',
  },
  remora_tunnel_bytes_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'way'],
    help: 'Bytes that opaque connections carried, up to the endpoint and down to the client. Counted when they end.',
  },

  // --- Listeners ---
  remora_connections_total: {
    type: 'counter',
    labels: ['listener'],
    help: 'Connections accepted.',
  },
  remora_connections_active: {
    type: 'gauge',
    labels: ['listener'],
    help: 'Accepted connections that are open.',
  },
  remora_connections_detected_total: {
    type: 'counter',
    labels: ['listener', 'spoken'],
    help: 'Connections by what their first bytes showed: http1, http2, tls, opaque, or silent for clients that wait for a greeting.',
  },
  remora_rejects_total: {
    type: 'counter',
    labels: ['listener', 'failure'],
    help: 'Requests and connections that were turned away before they had a route.',
  },
} as const satisfies Record<string, MetricFacts>;
