import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Watch } from '../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource, ServiceQuery } from '../cluster/snapshot.ts';
import { BlockingQuery } from './blocking-query.ts';
import type { ConsulApi, HealthAnswer } from './consul-api.ts';
import type { SeededSource } from './last-good.ts';
import { LossGuard } from './loss-guard.ts';
import { type Patience, ServiceFollower } from './service-follower.ts';

export interface ConsulSourceOptions extends Patience {
  readonly waitMs?: number;
}

/**
 * Services from Consul's health endpoint.
 *
 * Reads with `stale`: any server may answer, so a lost leader or quorum does not silence discovery, and servers share
 * the load. What that costs in certainty is paid back where it counts: a loss is confirmed by the leader, without index
 * or cache, under rights that are proved.
 */
export class ConsulSource implements DiscoverySource, SeededSource {
  constructor(
    private readonly api: ConsulApi,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Log,
    private readonly options: ConsulSourceOptions = {},
  ) {}

  follow(query: ServiceQuery, signal: AbortSignal): Watch<ClusterSnapshot> {
    return this.followFrom(query, signal, null);
  }

  /** `seed`: what an earlier run believed. It is not published, but a loss is judged against it. */
  followFrom(query: ServiceQuery, signal: AbortSignal, seed: ClusterSnapshot | null): Watch<ClusterSnapshot> {
    const guard = new LossGuard(seed?.endpoints ?? null);
    const follower = new ServiceFollower(
      query,
      this.api,
      guard,
      this.clock,
      this.random,
      this.log,
      this.options,
      signal,
    );
    const poll = new BlockingQuery<HealthAnswer>(
      (request, ends) => this.api.health(query, { ...request, mode: 'stale' }, ends),
      follower,
      this.clock,
      this.random,
      (sinceMs) => this.api.hasNewToken(sinceMs),
      this.options.waitMs,
    );
    void poll.run(signal);
    return follower.cell;
  }
}
