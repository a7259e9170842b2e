/** When may a failed attempt be followed by another? `fresh`: at once on a fresh connection, see `connection_stale`. */
export type RetryClass = 'never' | 'always' | 'idempotent' | 'fresh';

/** Whose doing it is. Only `upstream` is evidence against an endpoint. */
export type Blame = 'client' | 'local' | 'upstream';

export interface FailureFacts {
  /** What an HTTP client is answered; 499 is never sent, it is for logs. */
  readonly status: number;
  /** The same for a gRPC client (google.rpc.Code). */
  readonly grpcStatus: number;
  readonly retry: RetryClass;
  readonly blame: Blame;
  /** Could the application behind the endpoint have seen the request? */
  readonly reached: boolean;
  /** The `error` of Proxy-Status (RFC 9209, 2.3). */
  readonly proxyStatus: string;
  /** One sentence for the operator. The README's table is made of it. */
  readonly meaning: string;
  /** What to do about it, in one or two. */
  readonly remedy: string;
}

const NOT_SENT = { reached: false } as const;
const MAYBE_SENT = { reached: true } as const;

/**
 * Every way an exchange or a tunnel can end without a complete answer from an endpoint.
 *
 * The key is the metric label, the access-log word, the value of `x-remora-failure` and what tests assert on. Nothing
 * else in the program may switch on a code to learn what a column here already says. A new failure is a new row.
 */
// biome-ignore format: a table is read by its rows
export const FAILURES = {
  // --- What the client sent ---
  bad_request: row(400, 13, 'never', 'client', NOT_SENT, 'http_request_error', 'The request is not well-formed HTTP, or two parsers could read it differently.', 'Look at what the client sends: its library, or a proxy before it, writes HTTP that is not.'),
  head_too_large: row(431, 8, 'never', 'client', NOT_SENT, 'http_request_error', 'The head of the request has too many bytes or too many fields.', 'Send fewer or smaller fields (mostly cookies), or raise `http.maxHead` and `http.maxFields`.'),
  uri_too_long: row(414, 8, 'never', 'client', NOT_SENT, 'http_request_error', 'The target of the request is longer than the limit.', 'Move what is in the query into a body, or raise `http.maxTarget`.'),
  head_timeout: row(408, 4, 'never', 'client', NOT_SENT, 'http_request_error', 'The client began a request and did not finish its head in time.', 'The client is slow or only holds a connection; `http.headTimeout` is how long it may take.'),
  body_timeout: row(408, 4, 'never', 'client', MAYBE_SENT, 'http_request_error', 'The client stopped sending the body of its request.', 'The client stalled; `timeouts.streamIdle` is how long it may be silent.'),
  method_not_allowed: row(405, 12, 'never', 'client', NOT_SENT, 'http_request_denied', 'CONNECT and TRACE are not proxied.', 'Use another method; tunnels go through a port whose protocol is `tcp`.'),
  expectation_failed: row(417, 3, 'never', 'client', NOT_SENT, 'http_request_denied', 'Expect names something other than 100-continue.', 'Leave the Expect field out.'),
  version_not_supported: row(505, 12, 'never', 'client', NOT_SENT, 'http_request_error', 'A request line names a major version of HTTP other than 1.', 'Speak HTTP/1.1 or HTTP/2.'),
  protocol_abuse: row(400, 8, 'never', 'client', MAYBE_SENT, 'http_request_error', 'An HTTP/2 client made work for nothing: resets, empty frames or blocks without end.', 'Mend the client, or raise `http2.maxResets` and `http2.maxUselessFrames` if it means well.'),
  client_gone: row(499, 1, 'never', 'client', MAYBE_SENT, 'http_request_error', 'The client went away before its answer was complete.', 'Look for the timeout of the client: it is shorter than the answer took.'),
  client_idle: row(408, 4, 'never', 'client', MAYBE_SENT, 'connection_timeout', 'The client stopped reading its answer.', 'The client does not read; `timeouts.streamIdle` is how long it may not.'),
  shard_key_missing: row(400, 3, 'never', 'client', NOT_SENT, 'http_request_error', 'The upstream is sharded, and the request has none of the keys that say which shard is meant.', 'Send the key that `shards.key` names.'),

  // --- What we decided ---
  no_route: row(404, 12, 'never', 'local', NOT_SENT, 'destination_not_found', 'No declared upstream has this host name.', 'Declare the service under `upstreams`, or set `outbound.discover`.'),
  override_refused: row(403, 7, 'never', 'client', NOT_SENT, 'http_request_denied', 'The request says where it is to go, and this sidecar will not send it there: what it says cannot be read, is not signed with the key, has ended or lasts too long, or names an upstream or subset that is not declared. It is not sent where it would go without.', 'Make a new header with the command override and the key of `overrides.key`, for no longer than `overrides.maxAge`, and for an upstream of this sidecar.'),
  shard_unknown: row(404, 5, 'never', 'local', NOT_SENT, 'destination_not_found', 'The shard map has no shard for the key of this request.', 'Give the key a shard in `shards.map`.'),
  shard_held: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'The key of this write moves to another shard, and the move took longer than writes are held.', 'Try again; finish the move of the range, or let `shards.hold` be longer.'),
  loop_detected: row(508, 9, 'never', 'local', NOT_SENT, 'proxy_loop_detected', 'The request has been through this very sidecar before.', 'Two routes lead to each other: look where the host names of both sides point.'),
  overloaded: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'The cluster has as many requests in flight as it may have.', 'The endpoints are slower than the load or too few; `limits.maxRequests` is the bound, `limits.maxPending` lets requests wait for a place.'),
  pending_timeout: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'The cluster was full, and no place became free while the request waited for one.', 'The endpoints are slower than the load or too few; `limits.pendingTimeout` is how long requests wait for a place.'),
  concurrency_limited: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'The limit that adapts to how the endpoints answer leaves no place for a request of this criticality.', 'The endpoints answer slower than they did when idle: give them capacity; `adaptive` has the limit, and `mode: observe` only counts.'),
  connections_exhausted: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'As many connections to the endpoints of the cluster are open as may be, and none is free.', 'Raise `limits.maxConnections`, or speak HTTP/2 to the service so that requests share connections.'),
  rate_limited: row(429, 8, 'never', 'local', NOT_SENT, 'http_request_denied', 'More requests came than the rate limit lets through.', 'Come again after Retry-After; the field RateLimit-Policy names the limit, `rateLimits` has its rate.'),
  throttled: row(503, 8, 'never', 'local', NOT_SENT, 'destination_unavailable', 'Endpoints refuse or fail so much of what they are sent that this sidecar holds a share of it back.', 'Mend or scale the service; the share falls by itself as answers get better. `throttle.mode: observe` only counts.'),
  sidecar_overloaded: row(503, 8, 'never', 'local', NOT_SENT, 'proxy_internal_error', 'This sidecar itself has too much to do: its event loop or its heap is near its bound, and less important requests go first.', 'Look at remora_overload_pressure to see which; give the sidecar more CPU or memory, or raise the bound under `overload`.'),
  too_many_connections: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'A client was turned away at the door: its listener, or the process, has as many connections as it may have.', 'Let clients reuse connections, or raise `http.maxConnections`.'),
  too_many_streams: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'An HTTP/2 client opened more streams than it was told it may have; the stream was refused.', 'Honour SETTINGS_MAX_CONCURRENT_STREAMS, or raise `http2.maxStreams`.'),
  local_exhausted: row(503, 8, 'never', 'local', NOT_SENT, 'proxy_internal_error', 'This machine has no descriptor, port or memory left for a connection.', 'Raise the limit on open files (ulimit -n), or look for a leak of connections on this machine.'),
  park_full: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'Too many requests already wait.', 'The endpoints fail or are away and everybody waits; `limits.maxParked` is the bound.'),
  no_endpoint: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'Discovery knows no usable endpoint of this cluster.', 'Look at `remora status`: nobody is registered, all are in maintenance, or a filter, tag or subset matches nobody.'),
  discovery_pending: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'Discovery has not answered once yet for this cluster.', 'Is Consul there and may the token read the service? `remora status` says what it answered; `limits.parkTimeout` is how long requests wait.'),
  no_primary: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'No primary that could take a write was there, or appeared while it was held.', 'Elect a primary or mark one; `roles.hold` says how long and how many writes wait.'),
  circuit_open: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'The breakers of all usable endpoints are open.', 'Every endpoint has failed too often of late; the access log has how. It is tried again after `breaker.coolDown`.'),
  deadline_exceeded: row(504, 4, 'never', 'local', MAYBE_SENT, 'http_response_timeout', 'The whole exchange took longer than its deadline.', '`timeouts.request`, or the deadline the caller sent, is shorter than the answer takes.'),
  deadline_too_short: row(504, 4, 'never', 'local', NOT_SENT, 'http_response_timeout', 'What the caller has left of its deadline is less than any answer of the service takes.', 'Nothing was sent: give the call more time at its beginning, or find where it was spent.'),
  max_duration: row(504, 4, 'never', 'local', MAYBE_SENT, 'http_response_timeout', 'A request, a stream or a connection was open for as long as it may be.', 'Open it anew, or raise `timeouts.maxDuration`; where its endpoint was removed, `connections.drainTimeout`.'),
  fault_injected: row(503, 14, 'never', 'local', NOT_SENT, 'http_request_denied', 'A fault was injected on purpose.', 'Somebody tests how callers bear faults: `faults` has the rule, which ends by itself at its `until`.'),
  tunnel_idle: row(504, 4, 'never', 'local', MAYBE_SENT, 'connection_timeout', 'Neither end of a tunnel or an upgraded connection sent anything for too long.', 'Send keep-alives, or raise `timeouts.tunnelIdle`.'),
  upgrade_unsupported: row(501, 12, 'never', 'local', NOT_SENT, 'http_upgrade_failed', 'The client asked for another protocol, and the endpoint speaks HTTP/2 and takes no extended CONNECT (RFC 8441).', 'Say `protocol: http` for this service, or let it take extended CONNECT.'),
  broadcast_incomplete: row(502, 14, 'never', 'local', MAYBE_SENT, 'destination_unavailable', 'A request that all of several places must answer did not succeed at one of them.', 'Look which shard failed in the access log.'),
  superseded: row(499, 1, 'never', 'local', MAYBE_SENT, 'http_request_error', 'A request that was sent to several places was given up at this one: its answer was not needed any more. Never sent to a client.', 'Nothing to do.'),
  draining: row(503, 14, 'never', 'local', NOT_SENT, 'connection_terminated', 'This sidecar is shutting down and its time is up.', 'Send it to another instance.'),
  maintenance: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'The route of this request says that what it leads to is being worked on.', 'Come again after Retry-After. The access log names the route; one that matches more exactly lets somebody through.'),
  internal_error: row(500, 13, 'never', 'local', MAYBE_SENT, 'proxy_internal_error', 'A bug in remora ended this connection; see remora_bugs_total and the log.', 'Report it with the log line; other connections are not concerned.'),

  // --- What an endpoint did ---
  connect_refused: row(503, 14, 'always', 'upstream', NOT_SENT, 'connection_refused', 'Nothing listens at the endpoint.', 'The process is gone and Consul does not know yet, or the registered port is wrong.'),
  connect_timeout: row(504, 14, 'always', 'upstream', NOT_SENT, 'connection_timeout', 'The endpoint did not accept a connection in time.', 'The host is down, a firewall drops packets, or its accept queue is full; `timeouts.connect` is the bound.'),
  connect_failed: row(503, 14, 'always', 'upstream', NOT_SENT, 'destination_ip_unroutable', 'The network could not reach the endpoint.', 'Look at routes and firewalls between here and there.'),
  stream_refused: row(503, 14, 'always', 'upstream', NOT_SENT, 'destination_unavailable', 'The endpoint refused the request on HTTP/2 before it looked at it.', 'The endpoint stops, or takes fewer streams than it is sent; others are asked.'),
  connection_stale: row(502, 14, 'fresh', 'upstream', MAYBE_SENT, 'connection_terminated', 'A reused idle connection closed before a byte of the answer.', 'The endpoint closes idle connections sooner than they are left here; once that was seen twice they are left sooner (`/clusters` has the time). What could not be sent again was no repeatable request.'),
  upstream_reset: row(502, 14, 'idempotent', 'upstream', MAYBE_SENT, 'connection_terminated', 'The endpoint reset or closed the connection before the head of its answer.', 'Look into the log of the endpoint: it crashed, was killed, or closed the connection.'),
  attempt_timeout: row(504, 4, 'idempotent', 'upstream', MAYBE_SENT, 'http_response_timeout', 'The endpoint did not answer within the time of one attempt.', 'The endpoint is slow or stuck; `timeouts.attempt` is the bound.'),
  attempt_idle: row(504, 4, 'idempotent', 'upstream', MAYBE_SENT, 'http_response_timeout', 'The endpoint was silent for too long within one attempt, before its answer began.', 'The endpoint is stuck; `timeouts.attemptIdle` is the bound.'),
  refused_unseen: row(503, 14, 'always', 'local', NOT_SENT, 'destination_unavailable', 'The sidecar before the endpoint refused the request, and its application has not seen it.', 'The field x-remora-failure of that answer has the reason there.'),
  not_http2: row(502, 14, 'always', 'upstream', NOT_SENT, 'http_protocol_error', 'The endpoint does not speak HTTP/2; its protocol is said to be http2 or grpc, or it is auto and the client spoke HTTP/2. Nothing was sent.', 'Say `protocol: http`, or let the service speak HTTP/2.'),
  not_http1: row(502, 14, 'idempotent', 'upstream', MAYBE_SENT, 'http_protocol_error', 'The endpoint does not speak HTTP/1.1 but HTTP/2 or TLS; its protocol is said to be http, or it is auto and the client spoke HTTP/1.1.', 'Say `protocol: http2`, `grpc` or `tcp`, whichever the service speaks.'),
  bad_response: row(502, 13, 'never', 'upstream', MAYBE_SENT, 'http_protocol_error', 'The answer of the endpoint is not well-formed HTTP.', 'Look at what the endpoint sends: its answer breaks HTTP.'),
  unrequested_upgrade: row(502, 13, 'never', 'upstream', MAYBE_SENT, 'http_upgrade_failed', 'The endpoint switched protocols without being asked.', 'Look at what the endpoint sends: 101 to a request that asked for no upgrade.'),
  response_truncated: row(502, 13, 'never', 'upstream', MAYBE_SENT, 'http_response_incomplete', 'The endpoint went away in the middle of its answer.', 'Look into the log of the endpoint: it died or gave up while it answered.'),
  response_idle: row(504, 4, 'never', 'upstream', MAYBE_SENT, 'http_response_timeout', 'The endpoint stopped in the middle of its answer for too long.', 'The endpoint stalled; `timeouts.streamIdle` is how long it may.'),
} as const satisfies Record<string, FailureFacts>;

export type FailureCode = keyof typeof FAILURES;

export const FAILURE_CODES = Object.keys(FAILURES) as readonly FailureCode[];

function row<S extends number, G extends number, R extends RetryClass, B extends Blame>(
  status: S,
  grpcStatus: G,
  retry: R,
  blame: B,
  sent: { readonly reached: boolean },
  proxyStatus: string,
  meaning: string,
  remedy: string,
): FailureFacts & { readonly retry: R; readonly blame: B } {
  return { status, grpcStatus, retry, blame, reached: sent.reached, proxyStatus, meaning, remedy };
}
