import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { LiveEndpoint } from '../cluster/live-endpoint.ts';
import { isCounted } from './pools.ts';

/** On average every second: soon after an endpoint comes, and not all sidecars at once. */
const LEAST_MS = 500;
const SPREAD_MS = 1_000;

/**
 * Keeps connections open ahead of requests (`connections.warm`), so that the first requests to an endpoint, and those
 * of a burst, need not wait for one. It looks about once a second, and a pool opens few at a time; that bounds what an
 * endpoint meets that has just come, or that closes what is opened. Who is not well is left alone: it has no traffic,
 * or is being probed by it.
 */
export class WarmConnections implements TimerOwner {
  private readonly timer = new Timer(this);

  constructor(
    private readonly cluster: Cluster,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly options: { readonly connections: { readonly warm: number } },
  ) {}

  /** Harmless when repeated. */
  begin(): void {
    if (this.options.connections.warm > 0 && !this.timer.isArmed) this.arm(SPREAD_MS * this.random.next());
  }

  end(): void {
    this.clock.disarm(this.timer);
  }

  onTimer(): void {
    if (this.options.connections.warm === 0) return;
    for (const { connector } of [...this.cluster.endpoints].filter(isWell)) if (isCounted(connector)) connector.fill();
    this.arm(LEAST_MS + SPREAD_MS * this.random.next());
  }

  private arm(ms: number): void {
    this.clock.arm(this.timer, this.clock.now() + ms);
  }
}

function isWell({ isHealthy, isRemoved, gate }: LiveEndpoint): boolean {
  return isHealthy && !isRemoved && gate.state === 'closed';
}
