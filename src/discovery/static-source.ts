import { whenAborted } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import { Cell, type Watch, type WatchListener } from '../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource, EndpointSpec, ServiceQuery } from '../cluster/snapshot.ts';
import type { StaticEndpoint } from './options.ts';

export type StaticServices = ReadonlyMap<string, readonly StaticEndpoint[]>;

/**
 * Services from the `static` part of the configuration.
 *
 * The operator's word needs no guard: an empty list is believed at once. Only a service that is no longer listed at
 * all keeps its endpoints, because then nothing was said about it. Hosts may be names; `ResolvingSource` sees to them.
 */
export class StaticSource implements DiscoverySource {
  constructor(
    private readonly services: Watch<StaticServices>,
    private readonly clock: Clock,
  ) {}

  follow(query: ServiceQuery, signal: AbortSignal): Watch<ClusterSnapshot> {
    const cell = new Cell<ClusterSnapshot>(this.clock);
    const stop = this.services.subscribe((services) => {
      const listed = services.get(query.service);
      if (listed === undefined) return cell.fail(`"${query.service}" is no longer under "static"`);
      const endpoints = specsOf(query, listed);
      if (JSON.stringify(cell.value?.endpoints) === JSON.stringify(endpoints)) return cell.confirm();
      cell.set({ service: query.service, endpoints, source: 'file' });
    });
    whenAborted(signal, stop);
    return new FileWatch(cell, this.clock);
  }
}

/** A file that is watched is as fresh as the clock: if it had changed we would know. */
class FileWatch implements Watch<ClusterSnapshot> {
  constructor(
    private readonly cell: Cell<ClusterSnapshot>,
    private readonly clock: Clock,
  ) {}

  get value(): ClusterSnapshot | null {
    return this.cell.value;
  }

  get freshAt(): number {
    return this.cell.value === null || this.cell.problem !== null ? this.cell.freshAt : this.clock.now();
  }

  get problem(): string | null {
    return this.cell.problem;
  }

  subscribe(listener: WatchListener<ClusterSnapshot>): () => void {
    return this.cell.subscribe(listener);
  }
}

function specsOf(query: ServiceQuery, listed: readonly StaticEndpoint[]): readonly EndpointSpec[] {
  const byId = new Map<string, EndpointSpec>();
  for (const endpoint of listed) {
    if (query.tag !== null && !endpoint.tags.includes(query.tag)) continue;
    const id = `${endpoint.host}:${endpoint.port}/${query.service}`;
    if (!byId.has(id)) byId.set(id, { ...endpoint, id, health: 'passing', role: null });
  }
  return [...byId.values()];
}
