import type { MetricFacts } from './metric-facts.ts';

/** Endpoints, and what holds them together. */
export const CLUSTER_METRICS = {
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
} as const satisfies Record<string, MetricFacts>;
