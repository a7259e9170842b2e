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
  bad_request: row(400, 13, 'never', 'client', NOT_SENT, 'http_request_error', 'The request is not well-formed HTTP, or two parsers could read it differently.'),
  head_too_large: row(431, 8, 'never', 'client', NOT_SENT, 'http_request_error', 'The head of the request has too many bytes or too many fields.'),
  uri_too_long: row(414, 8, 'never', 'client', NOT_SENT, 'http_request_error', 'The target of the request is longer than the limit.'),
  head_timeout: row(408, 4, 'never', 'client', NOT_SENT, 'http_request_error', 'The client began a request and did not finish its head in time.'),
  body_timeout: row(408, 4, 'never', 'client', MAYBE_SENT, 'http_request_error', 'The client stopped sending the body of its request.'),
  method_not_allowed: row(405, 12, 'never', 'client', NOT_SENT, 'http_request_denied', 'CONNECT and TRACE are not proxied.'),
  expectation_failed: row(417, 3, 'never', 'client', NOT_SENT, 'http_request_denied', 'Expect names something other than 100-continue.'),
  version_not_supported: row(505, 12, 'never', 'client', NOT_SENT, 'http_request_error', 'A request line names a major version of HTTP other than 1.'),
  protocol_abuse: row(400, 8, 'never', 'client', MAYBE_SENT, 'http_request_error', 'An HTTP/2 client made work for nothing: resets, empty frames or blocks without end.'),
  client_gone: row(499, 1, 'never', 'client', MAYBE_SENT, 'http_request_error', 'The client went away before its answer was complete.'),
  client_idle: row(408, 4, 'never', 'client', MAYBE_SENT, 'connection_timeout', 'The client stopped reading its answer.'),
  shard_key_missing: row(400, 3, 'never', 'client', NOT_SENT, 'http_request_error', 'The upstream is sharded, and the request has none of the keys that say which shard is meant.'),

  // --- What we decided ---
  no_route: row(404, 12, 'never', 'local', NOT_SENT, 'destination_not_found', 'No declared upstream has this host name.'),
  shard_unknown: row(404, 5, 'never', 'local', NOT_SENT, 'destination_not_found', 'The shard map has no shard for the key of this request.'),
  shard_held: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'The key of this write moves to another shard, and the move took longer than writes are held.'),
  loop_detected: row(508, 9, 'never', 'local', NOT_SENT, 'proxy_loop_detected', 'The request has been through this very sidecar before.'),
  overloaded: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'The cluster has as many requests in flight as it may have.'),
  too_many_connections: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'A client was turned away at the door: its listener, or the process, has as many connections as it may have.'),
  too_many_streams: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'An HTTP/2 client opened more streams than it was told it may have; the stream was refused.'),
  local_exhausted: row(503, 8, 'never', 'local', NOT_SENT, 'proxy_internal_error', 'This machine has no descriptor, port or memory left for a connection.'),
  park_full: row(503, 8, 'never', 'local', NOT_SENT, 'connection_limit_reached', 'Too many requests already wait.'),
  no_endpoint: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'Discovery knows no usable endpoint of this cluster.'),
  discovery_pending: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'Discovery has not answered once yet for this cluster.'),
  no_primary: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'No primary that could take a write was there, or appeared while it was held.'),
  circuit_open: row(503, 14, 'never', 'local', NOT_SENT, 'destination_unavailable', 'The breakers of all usable endpoints are open.'),
  deadline_exceeded: row(504, 4, 'never', 'local', MAYBE_SENT, 'http_response_timeout', 'The whole exchange took longer than its deadline.'),
  tunnel_idle: row(504, 4, 'never', 'local', MAYBE_SENT, 'connection_timeout', 'Neither end of a tunnel or an upgraded connection sent anything for too long.'),
  upgrade_unsupported: row(501, 12, 'never', 'local', NOT_SENT, 'http_upgrade_failed', 'The client asked for another protocol, and the endpoint speaks HTTP/2 and takes no extended CONNECT (RFC 8441).'),
  broadcast_incomplete: row(502, 14, 'never', 'local', MAYBE_SENT, 'destination_unavailable', 'A request that all of several places must answer did not succeed at one of them.'),
  superseded: row(499, 1, 'never', 'local', MAYBE_SENT, 'http_request_error', 'A request that was sent to several places was given up at this one: its answer was not needed any more. Never sent to a client.'),
  draining: row(503, 14, 'never', 'local', NOT_SENT, 'connection_terminated', 'This sidecar is shutting down and its time is up.'),
  internal_error: row(500, 13, 'never', 'local', MAYBE_SENT, 'proxy_internal_error', 'A bug in remora ended this connection; see remora_bugs_total and the log.'),

  // --- What an endpoint did ---
  connect_refused: row(503, 14, 'always', 'upstream', NOT_SENT, 'connection_refused', 'Nothing listens at the endpoint.'),
  connect_timeout: row(504, 14, 'always', 'upstream', NOT_SENT, 'connection_timeout', 'The endpoint did not accept a connection in time.'),
  connect_failed: row(503, 14, 'always', 'upstream', NOT_SENT, 'destination_ip_unroutable', 'The network could not reach the endpoint.'),
  stream_refused: row(503, 14, 'always', 'upstream', NOT_SENT, 'destination_unavailable', 'The endpoint refused the request on HTTP/2 before it looked at it.'),
  connection_stale: row(502, 14, 'fresh', 'upstream', MAYBE_SENT, 'connection_terminated', 'A reused idle connection closed before a byte of the answer.'),
  upstream_reset: row(502, 14, 'idempotent', 'upstream', MAYBE_SENT, 'connection_terminated', 'The endpoint reset or closed the connection before the head of its answer.'),
  attempt_timeout: row(504, 4, 'idempotent', 'upstream', MAYBE_SENT, 'http_response_timeout', 'The endpoint did not answer within the time of one attempt.'),
  not_http2: row(502, 14, 'always', 'upstream', NOT_SENT, 'http_protocol_error', 'The endpoint does not speak HTTP/2; its protocol is said to be http2 or grpc, or it is auto and the client spoke HTTP/2. Nothing was sent.'),
  not_http1: row(502, 14, 'idempotent', 'upstream', MAYBE_SENT, 'http_protocol_error', 'The endpoint does not speak HTTP/1.1 but HTTP/2 or TLS; its protocol is said to be http, or it is auto and the client spoke HTTP/1.1.'),
  bad_response: row(502, 13, 'never', 'upstream', MAYBE_SENT, 'http_protocol_error', 'The answer of the endpoint is not well-formed HTTP.'),
  unrequested_upgrade: row(502, 13, 'never', 'upstream', MAYBE_SENT, 'http_upgrade_failed', 'The endpoint switched protocols without being asked.'),
  response_truncated: row(502, 13, 'never', 'upstream', MAYBE_SENT, 'http_response_incomplete', 'The endpoint went away in the middle of its answer.'),
  response_idle: row(504, 4, 'never', 'upstream', MAYBE_SENT, 'http_response_timeout', 'The endpoint stopped in the middle of its answer for too long.'),
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
): FailureFacts & { readonly retry: R; readonly blame: B } {
  return { status, grpcStatus, retry, blame, reached: sent.reached, proxyStatus, meaning };
}
