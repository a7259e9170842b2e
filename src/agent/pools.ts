import type { PoolView } from '../admin/agent-view.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { LiveEndpoint } from '../cluster/live-endpoint.ts';
import type { Connector } from '../http/conduit.ts';
import { CLOSE_REASONS, type Closed } from '../net/close-reasons.ts';
import { Http2Pool } from '../net/http2-pool.ts';
import { Pool } from '../net/pool.ts';
import { AutoConnector, type CountedConnector } from '../net/protocol-connector.ts';
import { type Sample, sample } from '../telemetry/registry.ts';

/** The connections to endpoints, as operators see them. */
export function poolView({ connector }: LiveEndpoint): PoolView {
  if (!isCounted(connector)) return { open: 0, idle: 0, idleTimeoutMs: null, idleTimeoutFrom: null };
  const { openCount, idleCount, idleLimit } = connector;
  return {
    open: openCount,
    idle: idleCount,
    idleTimeoutMs: Math.round(idleLimit.shownMs),
    idleTimeoutFrom: idleLimit.source,
  };
}

export function isCounted(connector: Connector): connector is CountedConnector {
  return connector instanceof Pool || connector instanceof Http2Pool || connector instanceof AutoConnector;
}

/** How many connections a cluster has to its endpoints. */
export function* poolSamples(cluster: Cluster): Generator<Sample> {
  let open = 0;
  let idle = 0;
  for (const endpoint of cluster.endpoints) {
    const pool = poolView(endpoint);
    open += pool.open;
    idle += pool.idle;
  }
  yield sample('remora_upstream_connections', [cluster.name, 'active'], open - idle);
  yield sample('remora_upstream_connections', [cluster.name, 'idle'], idle);
}

/** How those that have ended did. */
export function* closedSamples(upstream: string, { counts }: Closed): Generator<Sample> {
  for (const reason of CLOSE_REASONS) {
    yield sample('remora_upstream_connections_closed_total', [upstream, reason], counts[reason]);
  }
}
