import { CLUSTER_METRICS } from './metric-tables/cluster-metrics.ts';
import type { MetricFacts } from './metric-tables/metric-facts.ts';
import { PROCESS_METRICS } from './metric-tables/process-metrics.ts';
import { TRAFFIC_METRICS } from './metric-tables/traffic-metrics.ts';

/**
 * Every metric, in the order it is shown. Times are seconds and sizes bytes, as Prometheus wants them.
 *
 * `failure` is a code of base/failure.ts, empty for what did not fail; `upstream` is the name as configured, of the
 * local service for inbound traffic. No label is made of what a request says, but for the methods of gRPC, of which
 * there are at most a hundred and only such as an endpoint knows (see `CallMetrics`).
 */
export const METRICS = { ...TRAFFIC_METRICS, ...CLUSTER_METRICS, ...PROCESS_METRICS } as const;

export type MetricName = keyof typeof METRICS;

export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

/** Names of one type only, so that a counter cannot be bound as a histogram. */
export type MetricOf<T extends MetricFacts['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];

/** One value per label, in the table's order. */
export type LabelValues<N extends MetricName> = Texts<(typeof METRICS)[N]['labels']>;
type Texts<T extends readonly string[]> = { readonly [K in keyof T]: string };
