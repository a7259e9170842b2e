import { Timer, type TimerOwner } from '../base/clock.ts';
import { type CheckListener, type CheckParts, ClusterChecks } from '../cluster/checks/cluster-checks.ts';
import { LostEndpoints } from '../cluster/checks/lost.ts';
import type { CheckOptions } from '../cluster/checks/options.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterSnapshot } from '../cluster/snapshot.ts';

/**
 * A cluster with the health checks of its configuration, if there are any: snapshots come through here, because an
 * endpoint that discovery has lost may stay for a while where checks find it well.
 */
export class CheckedCluster implements TimerOwner, CheckListener {
  /** Null: nobody is checked. */
  checks: ClusterChecks | null = null;
  private readonly lost = new LostEndpoints();
  private snapshot: ClusterSnapshot | null = null;
  private readonly timer = new Timer(this);
  private readonly upIds = (): ReadonlySet<string> => {
    const endpoints = [...this.cluster.endpoints];
    return new Set(endpoints.flatMap(({ id, check }) => (check?.standing.state === 'up' ? [id] : [])));
  };

  constructor(
    private readonly cluster: Cluster,
    private readonly parts: CheckParts,
  ) {}

  private get keepMs(): number {
    return this.checks?.options.keepLostMs ?? 0;
  }

  apply(snapshot: ClusterSnapshot): void {
    this.snapshot = snapshot;
    const now = this.parts.clock.now();
    this.cluster.apply(this.lost.take(snapshot, this.keepMs, this.upIds, now));
    this.watchLost();
  }

  reconfigure(options: CheckOptions | null): void {
    if (options === null) this.stopChecks();
    else if (this.checks !== null) this.checks.reconfigure(options);
    else this.checks = new ClusterChecks(this.cluster, options, this.parts, this);
    this.letGo();
  }

  end(): void {
    this.parts.clock.disarm(this.timer);
    this.stopChecks();
  }

  onStandingChange(): void {
    if (this.lost.size > 0) this.letGo();
  }

  onTimer(): void {
    this.letGo();
  }

  private letGo(): void {
    if (this.snapshot !== null && this.lost.review(this.keepMs, this.upIds, this.parts.clock.now()))
      this.apply(this.snapshot);
    else this.watchLost();
  }

  private watchLost(): void {
    const { clock } = this.parts;
    if (this.lost.size === 0) clock.disarm(this.timer);
    else clock.arm(this.timer, this.lost.dueAt(this.keepMs));
  }

  private stopChecks(): void {
    this.checks?.stop();
    this.checks = null;
  }
}
