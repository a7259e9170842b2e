export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** One sentence for the operator. The README's table is made of it. */
  readonly help: string;
}

/**
 * Every metric, in the order it is shown. Times are seconds and sizes bytes, as Prometheus wants them.
 *
 * `failure` is a code of base/failure.ts, empty for what did not fail; `upstream` is the name as configured, of the
 * local service for inbound traffic. No label is made of what a request says, but for the methods of gRPC, of which
 * there are at most a hundred and only such as an endpoint knows (see `CallMetrics`).
 */
export const METRICS = {
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
    help: 'Retries that were wanted and not made: no budget left, no room to wait (parking), as many at once as may be (concurrent), a body not kept whole, the request is a retry itself (marked), or its answer says so (asked_not_to).',
  },
  remora_hedges_total: {
    type: 'counter',
    labels: ['upstream', 'result'],
    help: 'Second attempts beside a slow first: sent; of those won, whose answer the client got; and refused, which were due and had no budget.',
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

  // --- Endpoints ---
  remora_endpoints: {
    type: 'gauge',
    labels: ['upstream', 'health'],
    help: 'Endpoints known, by the health that discovery reports.',
  },
  remora_panic: {
    type: 'gauge',
    labels: ['upstream'],
    help: '1 while so little of a level is healthy that all of it is used but maintenance (upstreams.<name>.panic), else 0.',
  },
  remora_spilled_total: {
    type: 'counter',
    labels: ['upstream', 'to'],
    help: 'Attempts and tunnels that went elsewhere than home: to a level behind the first, or to another zone of it. Several picks may be counted of one that had to look around.',
  },
  remora_endpoint_active: {
    type: 'gauge',
    labels: ['upstream', 'endpoint'],
    help: 'Attempts and tunnels in progress at an endpoint.',
  },
  remora_breaker_state: {
    type: 'gauge',
    labels: ['upstream', 'endpoint'],
    help: 'The circuit of an endpoint: 0 closed (traffic flows), 1 probing, 2 open (refused).',
  },
  remora_breaker_trips_total: {
    type: 'counter',
    labels: ['upstream', 'endpoint'],
    help: 'How often the circuit of an endpoint opened.',
  },
  remora_ejections_total: {
    type: 'counter',
    labels: ['upstream', 'detector', 'mode'],
    help: 'How often an endpoint was found to do worse than its peers, and what became of it: left out (enforce), counted only (observe), or left in because as many as may be are out (capped).',
  },
  remora_ejected_endpoints: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'Endpoints that are left out for doing worse than their peers.',
  },
  remora_health_checks_total: {
    type: 'counter',
    labels: ['upstream', 'result'],
    help: "This sidecar's own health checks: passed, failed (another answer), unreachable, timeout, stranger (another service answers), withdrawn (the endpoint wants no more requests, said in any answer).",
  },
  remora_health_check_state: {
    type: 'gauge',
    labels: ['upstream', 'endpoint'],
    help: 'What health checks say of an endpoint: 1 up, 0 down. Not there before the first result.',
  },
  remora_health_checks_waiting: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'Health checks that are due and wait, because as many as the process may have are on their way.',
  },
  remora_load_reports_total: {
    type: 'counter',
    labels: ['upstream', 'endpoint', 'fate'],
    help: 'Loads that an endpoint reported with its answers, where client_side_wrr wants them: taken, unusable (no requests or no load in it), or malformed.',
  },
  remora_replica_lag_seconds: {
    type: 'gauge',
    labels: ['upstream', 'endpoint'],
    help: 'How far a replica is behind its primary, as its answers or discovery say; absent while nobody says it.',
  },
  remora_replica_passed_over_total: {
    type: 'counter',
    labels: ['upstream', 'endpoint', 'why'],
    help: 'Picks of a replica that were given to another endpoint, because of its lag, or of a position of a client that it has not said to have reached. Several picks may be counted of one read.',
  },
  remora_ring_fingerprint: {
    type: 'gauge',
    labels: ['upstream', 'fingerprint'],
    help: 'Always 1, for balancers that hash: sidecars with the same fingerprint send a key to the same endpoint.',
  },
  remora_upstream_connections: {
    type: 'gauge',
    labels: ['upstream', 'state'],
    help: 'Connections to endpoints, by whether they carry a request (active) or wait for one (idle).',
  },
  remora_upstream_connections_closed_total: {
    type: 'counter',
    labels: ['upstream', 'reason'],
    help: 'Connections to endpoints that are over. With nothing on them: idle (their time of rest), age, requests (as many as one may carry), surplus (over connections.maxIdle), retired (their endpoint was removed), endpoint (which closed them). With an answer: ended (by its own word or framing), aborted (given up here), failed (lost), drained (connections.drainTimeout). unopened: never open.',
  },

  // --- Shards ---
  remora_shard_map_version: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'The version of the shard map in force, as the configuration says it.',
  },
  remora_shard_requests_total: {
    type: 'counter',
    labels: ['upstream', 'shard'],
    help: 'Requests by the shard that has their key. An upstream has at most 256 shards.',
  },
  remora_shard_keys_missing_total: {
    type: 'counter',
    labels: ['upstream'],
    help: 'Requests to an upstream with shards that had no key.',
  },
  remora_shard_writes_held_total: {
    type: 'counter',
    labels: ['upstream'],
    help: 'Writes that had to wait for the new owner of their key.',
  },

  // --- Ranges that move between shards ---
  remora_second_reads_total: {
    type: 'counter',
    labels: ['upstream', 'range', 'result'],
    help: 'Reads that a second shard was asked for, too: the same answer or a different one, failed there, or skipped where there was nothing to compare.',
  },
  remora_second_writes_total: {
    type: 'counter',
    labels: ['upstream', 'range', 'result'],
    help: 'Writes for a second shard: written, or lost when it does not have them, or may not.',
  },
  remora_range_diverged: {
    type: 'gauge',
    labels: ['upstream', 'range'],
    help: '1 from the first lost write on, else 0: the two shards may differ.',
  },

  // --- Control path ---
  remora_discovery_age_seconds: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'Time since a source last vouched for the endpoints in use.',
  },
  remora_discovery_problem: {
    type: 'gauge',
    labels: ['upstream'],
    help: '1 while the endpoints in use may be out of date, else 0. The reason is on the admin port.',
  },
  remora_config_info: {
    type: 'gauge',
    labels: ['layer', 'revision'],
    help: 'Always 1: the revision of each layer of configuration in force.',
  },
  remora_config_last_reload_successful: {
    type: 'gauge',
    labels: ['layer'],
    help: '1 when the newest document of a layer is in force, 0 when it was refused, or cannot be read, and the one before it still is.',
  },

  // --- Telemetry itself ---
  remora_spans_total: {
    type: 'counter',
    labels: ['fate'],
    help: 'Spans made: exported, dropped because the queue was full, or failed because the collector did not take them.',
  },
  remora_spans_queued: {
    type: 'gauge',
    labels: [],
    help: 'Spans that wait for their export.',
  },
  remora_log_lines_total: {
    type: 'counter',
    labels: ['log', 'fate'],
    help: 'Lines of the access log and the process log: written, dropped because nobody read them, or suppressed as repetition.',
  },
  remora_metric_series_dropped_total: {
    type: 'counter',
    labels: [],
    help: 'Label sets that are not shown because there are too many.',
  },
  remora_bugs_total: {
    type: 'counter',
    labels: [],
    help: 'States that cannot be. Each cost one connection and is in the process log; please report them.',
  },

  // --- The process ---
  remora_build_info: {
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1: what is running.',
  },
  remora_uptime_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Time since the program started.',
  },
  remora_event_loop_delay_seconds: {
    type: 'gauge',
    labels: ['quantile'],
    help: 'How late the event loop was since the last scrape, at three quantiles.',
  },
  remora_heap_bytes: {
    type: 'gauge',
    labels: ['kind'],
    help: 'Memory of the JavaScript heap (used, total) and of buffers outside it (external).',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Resident memory.',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'User and system CPU time spent.',
  },
  process_open_fds: {
    type: 'gauge',
    labels: [],
    help: 'Open file descriptors, where the kernel tells.',
  },
} as const satisfies Record<string, MetricFacts>;

export type MetricName = keyof typeof METRICS;

export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

/** Names of one type only, so that a counter cannot be bound as a histogram. */
export type MetricOf<T extends MetricFacts['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];

/** One value per label, in the table's order. */
export type LabelValues<N extends MetricName> = Texts<(typeof METRICS)[N]['labels']>;
type Texts<T extends readonly string[]> = { readonly [K in keyof T]: string };
