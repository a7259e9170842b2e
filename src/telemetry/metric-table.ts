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
  remora_retries_refused_total: {
    type: 'counter',
    labels: ['direction', 'upstream', 'reason'],
    help: 'Retries that were wanted and not made: no budget left, no room to wait, or a body not kept whole.',
  },
  remora_hash_keys_missing_total: {
    type: 'counter',
    labels: ['direction', 'upstream'],
    help: 'Requests, and opaque connections, with nothing of what is hashed: their endpoint was the choice of the balancer.',
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
