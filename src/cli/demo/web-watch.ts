import type { BreakerView, ClusterView, EndpointView } from '../../admin/agent-view.ts';
import type { Clock } from '../../base/clock.ts';
import { ask } from './ask.ts';

/** Readings that a share of traffic is taken over: about two seconds at four readings a second. */
const READINGS = 9;

/** One look at the admin port of a sidecar. */
export interface Reading {
  readonly retries: number;
  readonly attempts: ReadonlyMap<string, number>;
  readonly endpoints: readonly EndpointView[];
}

export interface EndpointSeen {
  readonly port: number;
  readonly breaker: BreakerView;
  readonly trips: number;
  readonly latencyMs: number | null;
  readonly health: string;
  /** Of the attempts of the last two seconds; 0 .. 1. */
  readonly share: number;
}

export interface WebListener {
  /** The circuit of the endpoint on this port no longer lets all traffic through, or does so again. */
  onCircuit(port: number, isClosed: boolean): void;
  onHealth(port: number, health: string): void;
}

export async function readWeb(adminPort: number): Promise<Reading> {
  const [clusters, metrics] = await Promise.all([ask(adminPort, '/clusters'), ask(adminPort, '/metrics')]);
  return decodeReading(clusters, metrics);
}

/** Of the upstream `orders`; a sidecar that does not know it yet has no endpoints. */
export function decodeReading(clusters: string, metrics: string): Reading {
  const orders = (JSON.parse(clusters) as { readonly clusters: readonly ClusterView[] }).clusters.find(
    ({ name }) => name === 'orders',
  );
  let retries = 0;
  const attempts = new Map<string, number>();
  for (const [, name, labels = '', value] of metrics.matchAll(/^(\w+)\{(.*)\} (\S+)$/gm)) {
    if (!labels.includes('direction="outbound"')) continue;
    if (name === 'remora_retries_total') retries += Number(value);
    if (name !== 'remora_attempts_total') continue;
    const id = /endpoint="([^"]*)"/.exec(labels)?.[1] ?? '';
    attempts.set(id, (attempts.get(id) ?? 0) + Number(value));
  }
  return { retries, attempts, endpoints: orders?.endpoints ?? [] };
}

/**
 * What web's sidecar says of itself, over time: totals that outlive the endpoints they were counted at, shares of the
 * last moments, and what changed.
 */
export class WebWatch {
  retries = 0;
  endpoints: readonly EndpointSeen[] = [];
  /** Since the sidecar last answered. */
  answeredAt: number;
  private readonly readings: Reading[] = [];
  private readonly tripsById = new Map<string, number>();
  private readonly known = new Map<number, EndpointSeen>();

  constructor(
    private readonly clock: Clock,
    private readonly listener: WebListener,
  ) {
    this.answeredAt = clock.now();
  }

  get trips(): number {
    return [...this.tripsById.values()].reduce((sum, trips) => sum + trips, 0);
  }

  take(reading: Reading): void {
    this.answeredAt = this.clock.now();
    this.readings.push(reading);
    if (this.readings.length > READINGS) this.readings.shift();
    this.retries = reading.retries;
    const shares = this.shares();
    for (const { id, trips } of reading.endpoints) this.tripsById.set(id, trips);
    this.endpoints = reading.endpoints.map(({ id, port, breaker, trips, latencyMs, health, isRemoved }) => {
      const said = isRemoved ? 'removed' : health;
      return { port, breaker, trips, latencyMs, health: said, share: shares.get(id) ?? 0 };
    });
    for (const endpoint of this.endpoints) this.compare(endpoint);
  }

  private compare(endpoint: EndpointSeen): void {
    const { port, breaker, health } = endpoint;
    const before = this.known.get(port);
    this.known.set(port, endpoint);
    const isClosed = breaker === 'closed';
    if (isClosed !== ((before?.breaker ?? 'closed') === 'closed')) this.listener.onCircuit(port, isClosed);
    if (before !== undefined && before.health !== health) this.listener.onHealth(port, health);
  }

  private shares(): ReadonlyMap<string, number> {
    const oldest = this.readings[0]!.attempts;
    const grown = [...this.readings.at(-1)!.attempts].map(
      ([id, count]) => [id, count - (oldest.get(id) ?? 0)] as const,
    );
    const total = grown.reduce((sum, [, count]) => sum + count, 0);
    return new Map(grown.map(([id, count]) => [id, total === 0 ? 0 : count / total]));
  }
}
