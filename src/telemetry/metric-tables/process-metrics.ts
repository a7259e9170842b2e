import type { MetricFacts } from './metric-facts.ts';

/** The sidecar itself: what it is told, what it tells, what it takes. */
export const PROCESS_METRICS = {
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
  remora_config_age_seconds: {
    type: 'gauge',
    labels: ['layer'],
    help: 'Time since the source of a layer last vouched for its document; of the file, since it was last good.',
  },
  remora_config_revision: {
    type: 'gauge',
    labels: ['layer'],
    help: "Consul's ModifyIndex of the document in force.",
  },
  remora_config_applied_total: {
    type: 'counter',
    labels: ['layer'],
    help: 'Documents that came into force since the start.',
  },
  remora_config_refused_total: {
    type: 'counter',
    labels: ['layer'],
    help: 'Complaints about documents that are not in force; each is made once.',
  },
  remora_config_settlings_total: {
    type: 'counter',
    labels: ['fate'],
    help: 'Times that all documents were judged together: settled, or failed because that took too long or ended its process.',
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
