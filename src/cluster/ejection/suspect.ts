import type { BreakerState } from '../../policy/breaker.ts';
import type { Evidence } from '../../policy/evidence.ts';
import { Conduct } from '../../policy/outlier/conduct.ts';
import type { EjectionOptions } from '../../policy/outlier/options.ts';
import type { LiveEndpoint } from '../live-endpoint.ts';
import { NO_STANDING, PeerGroup, type Standing } from './peer-group.ts';
import type { Ejection, Watcher } from './watcher.ts';

export interface SuspectOwner {
  /** Something came in: there will be something to judge. */
  readonly isAwake: boolean;
  wake(): void;
  /** Rows of failures are full: bits as of `Conduct.record`. */
  onRowsFull(suspect: Suspect, rows: number, now: number): void;
  /** The probe after its return has failed. */
  onRelapse(suspect: Suspect, now: number): void;
  onCircuitChange(suspect: Suspect): void;
}

/** Before it is one of any. */
const NO_PEERS = new PeerGroup<Suspect>([]);

/**
 * One endpoint among its peers.
 *
 *     in ----- found out -----> out ----- time is up -----> returning ----- the probe succeeds -----> in
 *                                ^                              |
 *                                +------- the probe fails ------+    out again, for longer
 *
 * It returns through its breaker, which lets one attempt at a time pass and closes with the first that succeeds. What
 * began before its return proves nothing about it now.
 */
export class Suspect implements Watcher {
  readonly conduct: Conduct;
  ejection: Ejection | null = null;
  /** The one before. */
  last: Ejection | null = null;
  isReturning = false;
  /** Ejections in a row; one is forgiven with every interval that it is in and behaves. */
  count = 0;
  /** Since when it has been in. */
  since = 0;
  /** Of detectors that told on it in this interval and could do nothing: each is written down once. */
  readonly told = new Set<string>();
  private peersNow = NO_PEERS;
  /** How it counts among its peers, and among all. */
  private counted: Standing = NO_STANDING;

  constructor(
    readonly endpoint: LiveEndpoint,
    private readonly owner: SuspectOwner,
    options: EjectionOptions,
  ) {
    this.conduct = new Conduct(options);
  }

  get isOut(): boolean {
    return this.ejection !== null;
  }

  /** May it be picked, as far as others say? */
  get isMember(): boolean {
    const { spec, isProbedDown } = this.endpoint;
    return (spec.health === 'passing' || spec.health === 'warning') && !isProbedDown;
  }

  /** Does traffic flow there without a doubt? */
  get isFlowing(): boolean {
    return this.isMember && !this.isOut && this.endpoint.gate.state === 'closed';
  }

  get peers(): PeerGroup<Suspect> {
    return this.peersNow;
  }

  /** It is one of these from now on, and counts as nothing yet. */
  join(peers: PeerGroup<Suspect>): void {
    this.peersNow = peers;
    this.counted = NO_STANDING;
  }

  /** It counts as it is now. */
  recount(all: PeerGroup<Suspect>): void {
    const { peers, counted } = this;
    const { isMember, isOut, isFlowing } = this;
    if (isMember === counted.isMember && isOut === counted.isOut && isFlowing === counted.isFlowing) return;
    this.counted = { isMember, isOut, isFlowing };
    for (const group of [peers, all]) {
      group.count(counted, -1);
      group.count(this.counted, 1);
    }
  }

  onSettled(evidence: Evidence, now: number): void {
    if (this.ejection !== null || evidence.startedAt < this.since) return;
    if (this.endpoint.gate.state !== 'closed') return;
    const rows = this.conduct.record(evidence, now);
    if (!this.owner.isAwake) this.owner.wake();
    if (rows !== 0) this.owner.onRowsFull(this, rows, now);
  }

  onBreakerChange(from: BreakerState, to: BreakerState, now: number): void {
    if (to === 'closed') {
      this.isReturning = false;
      this.since = now;
    }
    if (to === 'open') {
      this.conduct.clear();
      const hasRelapsed = this.isReturning && from === 'probing';
      this.isReturning = false;
      if (hasRelapsed) this.owner.onRelapse(this, now);
    }
    this.owner.onCircuitChange(this);
  }
}
