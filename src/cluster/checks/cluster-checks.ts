import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Cluster } from '../cluster.ts';
import type { LiveEndpoint } from '../live-endpoint.ts';
import { Check, type CheckOwner } from './check.ts';
import type { CheckOptions } from './options.ts';
import { CHECK_RESULTS, type CheckResult, type Prober } from './prober.ts';
import { makeProber } from './probers.ts';
import type { Turnstile } from './turnstile.ts';

/** What checks are made with. */
export interface CheckParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of the whole process. */
  readonly turnstile: Turnstile;
  /** Whose sidecar this is. */
  readonly caller: string;
}

export interface CheckListener {
  /** Somebody is up or down now. */
  onStandingChange(): void;
}

/**
 * Checks the endpoints of one cluster, for as long as they are in it, and says in `isProbedDown` who is down.
 *
 * What checks have found belongs to the endpoint and lives as long as it does: over snapshots, and over other options,
 * by which it is only judged from then on. Without options nobody is checked and nobody is down.
 */
export class ClusterChecks implements CheckOwner<LiveEndpoint> {
  readonly counts: Record<CheckResult, number> = noCounts();
  prober: Prober;
  readonly clock: Clock;
  readonly random: Random;
  readonly turnstile: Turnstile;
  private readonly checks = new Map<LiveEndpoint, Check<LiveEndpoint>>();
  private readonly stopHearing: () => void;
  private trafficAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly cluster: Cluster,
    private current: CheckOptions,
    private readonly parts: CheckParts,
    private readonly listener: CheckListener,
  ) {
    this.clock = parts.clock;
    this.random = parts.random;
    this.turnstile = parts.turnstile;
    this.prober = makeProber(current, parts.caller);
    this.stopHearing = cluster.onApply(() => this.follow());
    this.follow();
  }

  get options(): CheckOptions {
    return this.current;
  }

  /** Checks that are due, and wait for a turn. */
  get waiting(): number {
    return this.turnstile.waitingIn(this);
  }

  /**
   * A check of somebody who is waited for begins anew at once, too: its answer to the old question may be the wrong
   * one.
   */
  reconfigure(options: CheckOptions): void {
    if (isDeepStrictEqual(options, this.current)) return;
    this.current = options;
    this.prober = makeProber(options, this.parts.caller);
    const now = this.clock.now();
    for (const check of this.checks.values()) check.leaveLine();
    for (const check of this.checks.values()) {
      check.restart(now);
      check.endpoint.isProbedDown = this.isDown(check);
    }
    this.cluster.onHealthChange();
  }

  /** Nobody is checked any more, and nobody held for down. */
  stop(): void {
    this.stopHearing();
    this.releaseAll(new Set(this.checks.keys()));
    this.cluster.onHealthChange();
  }

  hasTraffic(now: number): boolean {
    if (this.cluster.takeDemand()) this.trafficAt = now;
    return now - this.trafficAt < this.current.noTrafficIntervalMs;
  }

  onResult(_check: Check<LiveEndpoint>, result: CheckResult): void {
    this.counts[result] += 1;
  }

  onChange(check: Check<LiveEndpoint>, now: number): void {
    const { endpoint, standing, last } = check;
    const wasDown = endpoint.isProbedDown;
    endpoint.isProbedDown = this.isDown(check);
    const fields = { upstream: this.cluster.name, endpoint: endpoint.id, why: last!.verdict.why };
    if (standing.state === 'down') this.parts.log.warn('health_check_down', fields);
    else this.parts.log.info('health_check_up', fields);
    if (wasDown !== endpoint.isProbedDown) {
      // One that comes back is as cold as one that comes.
      if (wasDown && endpoint.isHealthy) endpoint.begin(now);
      this.cluster.onHealthChange();
    }
    this.listener.onStandingChange();
  }

  private isDown({ standing }: Check<LiveEndpoint>): boolean {
    return standing.state === 'unknown' ? this.current.newEndpoints === 'wait' : standing.state === 'down';
  }

  private follow(): void {
    const now = this.clock.now();
    const gone = new Set(this.checks.keys());
    for (const endpoint of this.cluster.endpoints) {
      gone.delete(endpoint);
      if (!this.checks.has(endpoint)) this.take(endpoint, now);
    }
    this.releaseAll(gone);
  }

  private take(endpoint: LiveEndpoint, now: number): void {
    const check = new Check(endpoint, this);
    this.checks.set(endpoint, check);
    endpoint.check = check;
    check.start(now);
    if (endpoint.isProbedDown === this.isDown(check)) return;
    endpoint.isProbedDown = this.isDown(check);
    this.cluster.onHealthChange();
  }

  private releaseAll(endpoints: ReadonlySet<LiveEndpoint>): void {
    for (const endpoint of endpoints) this.checks.get(endpoint)!.leaveLine();
    for (const endpoint of endpoints) this.release(endpoint);
  }

  private release(endpoint: LiveEndpoint): void {
    this.checks.get(endpoint)?.stop(this.clock.now());
    this.checks.delete(endpoint);
    endpoint.check = null;
    endpoint.isProbedDown = false;
  }
}

function noCounts(): Record<CheckResult, number> {
  return Object.fromEntries(CHECK_RESULTS.map((result) => [result, 0])) as Record<CheckResult, number>;
}
