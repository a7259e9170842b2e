import { type Clock, Timer, type TimerOwner } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { ROW_5XX, ROW_GATEWAY, ROW_LOCAL } from '../../policy/outlier/conduct.ts';
import { type Figures, judge, slowMsOf } from '../../policy/outlier/judgements.ts';
import { type Detector, type EjectionOptions, isAnyOn, modeOf } from '../../policy/outlier/options.ts';
import type { LensSpec } from '../lens.ts';
import type { LiveEndpoint } from '../live-endpoint.ts';
import { EjectionJournal, type EjectionListener, type ReturnReason, type Verdict } from './journal.ts';
import { PeerGroup } from './peer-group.ts';
import { peersAmong } from './peers.ts';
import { Suspect, type SuspectOwner } from './suspect.ts';
import { UNWATCHED } from './watcher.ts';

const ROWS: readonly (readonly [number, Detector])[] = [
  [ROW_5XX, 'consecutive_5xx'],
  [ROW_GATEWAY, 'consecutive_gateway'],
  [ROW_LOCAL, 'consecutive_local'],
];

/** What was found and led to nothing is counted, and of that so much written down within an interval, and no more. */
const MAX_TOLD = 20;

export interface EjectorParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: EjectionListener;
  /** Somebody is out, or in again. */
  readonly onChange: () => void;
}

/**
 * Leaves endpoints out for a while that do worse than their peers.
 *
 * The law: of the endpoints that may be picked at most `max(1, floor(n / 2))` are out, of each group of peers and of
 * all, and none where there is one; nobody is out while the circuits of all its peers that are in are open; and whoever
 * is out comes back by time alone. It is a soft judgement: levels, panic and the last resort (`tree/levels.ts`) take it
 * for health, so that it is not looked at where too few are left.
 *
 * Rows of failures are acted on as they fill, rates at the end of an interval. An interval begins with the first
 * attempt that ends after the one before, so that nothing is armed for a cluster that nobody uses.
 */
export class Ejector implements TimerOwner, SuspectOwner {
  readonly journal: EjectionJournal;
  isAwake = false;
  private readonly timer = new Timer(this);
  private suspects = new Map<LiveEndpoint, Suspect>();
  private everyone = new PeerGroup<Suspect>([]);
  private groups: readonly PeerGroup<Suspect>[] = [];
  private sweepsAt = 0;
  private sweptAt = 0;
  private toldCount = 0;
  /** Null: off. */
  private options: EjectionOptions | null = null;

  constructor(private readonly parts: EjectorParts) {
    this.journal = new EjectionJournal(parts.listener);
  }

  get isOn(): boolean {
    return this.options !== null;
  }

  /** How many are out. */
  get outCount(): number {
    return this.all.filter(({ isOut }) => isOut).length;
  }

  private get all(): readonly Suspect[] {
    return this.everyone.suspects;
  }

  /** These are the endpoints now, with what was known of them. Who is not among them any more is forgotten. */
  follow(endpoints: Iterable<LiveEndpoint>, lenses: readonly LensSpec[]): void {
    const { options } = this;
    if (options === null) return;
    const before = this.suspects;
    this.suspects = new Map();
    for (const endpoint of endpoints) {
      const suspect = before.get(endpoint) ?? new Suspect(endpoint, this, options);
      endpoint.watcher = suspect;
      this.suspects.set(endpoint, suspect);
      before.delete(endpoint);
    }
    for (const endpoint of before.keys()) release(endpoint);
    this.everyone = new PeerGroup<Suspect>([...this.suspects.values()], options.maxShare);
    this.groups = peersAmong(this.all, lenses);
    for (const group of this.groups) for (const suspect of group.suspects) suspect.join(group);
    this.review();
  }

  /**
   * Takes other options. What was counted is judged by those it was counted for, so it is forgotten; who is out stays
   * out.
   */
  reconfigure(wanted: EjectionOptions | null, endpoints: Iterable<LiveEndpoint>, lenses: readonly LensSpec[]): void {
    const options = wanted !== null && isAnyOn(wanted) ? wanted : null;
    if (options === this.options) return;
    if (options === null) this.returnAll();
    this.options = options;
    if (options === null) return this.close();
    for (const suspect of this.all) {
      suspect.conduct.reconfigure(options);
      const { ejection } = suspect;
      if (ejection !== null && modeOf(ejection.detector, options) !== 'enforce') this.let(suspect, 'options');
    }
    this.follow(endpoints, lenses);
    this.arm();
  }

  /** Membership or somebody's health may be another: fewer may be out than are. */
  review(): void {
    if (this.options === null) return;
    for (const suspect of this.all) suspect.recount(this.everyone);
    for (const group of this.groups) this.returnSurplus(group);
    this.returnSurplus(this.everyone);
    for (const group of this.groups) this.returnNeeded(group);
  }

  /** Nothing is armed any more, and nobody is watched. */
  close(): void {
    this.parts.clock.disarm(this.timer);
    for (const endpoint of this.suspects.keys()) release(endpoint);
    this.suspects = new Map();
    this.everyone = new PeerGroup<Suspect>([]);
    this.groups = [];
    this.isAwake = false;
    this.sweepsAt = 0;
  }

  // --- From the endpoints ---

  wake(): void {
    if (this.options === null) return;
    this.isAwake = true;
    const now = this.parts.clock.now();
    this.sweptAt = now;
    this.sweepsAt = now + this.options.intervalMs;
    this.armFor(this.sweepsAt);
  }

  onRowsFull(suspect: Suspect, rows: number, now: number): void {
    for (const [bit, detector] of ROWS) {
      if ((rows & bit) === 0) continue;
      const isOut = this.decide(suspect, detector, { row: suspect.conduct.rowOf(bit) }, now);
      if (isOut) return;
    }
  }

  onRelapse(suspect: Suspect, now: number): void {
    const { last } = suspect;
    if (last === null || this.options === null || modeOf(last.detector, this.options) !== 'enforce') return;
    this.decide(suspect, last.detector, last.figures, now);
  }

  /** Its peers that are out may be all that is left. */
  onCircuitChange(suspect: Suspect): void {
    suspect.recount(this.everyone);
    if (suspect.endpoint.gate.state === 'open') this.returnNeeded(suspect.peers);
  }

  onTimer(_timer: Timer, now: number): void {
    for (const suspect of this.all)
      if (suspect.ejection !== null && now >= suspect.ejection.until) this.let(suspect, 'time');
    if (this.isAwake && now >= this.sweepsAt) this.sweep(now);
    this.arm();
  }

  // --- Judgement ---

  private sweep(now: number): void {
    const options = this.options!;
    const hasNews = this.all.some(({ conduct, count, isFlowing }) => conduct.requests > 0 || (count > 0 && isFlowing));
    for (const group of this.groups) {
      const peers = group.suspects.filter(({ isFlowing }) => isFlowing);
      const conducts = peers.map(({ conduct }) => conduct);
      const slowMs = options.latency.mode === 'off' ? Number.POSITIVE_INFINITY : slowMsOf(conducts, options.latency);
      for (const { index, detector, figures } of judge(conducts, options)) {
        const suspect = peers[index]!;
        if (!suspect.isOut) this.decide(suspect, detector, figures, now);
      }
      for (const { conduct } of peers) conduct.slowMs = slowMs;
    }
    for (const suspect of this.all) {
      // A whole interval, or it would be forgiven for having been out.
      if (suspect.count > 0 && suspect.isFlowing && suspect.since <= this.sweptAt) suspect.count -= 1;
      suspect.conduct.endInterval();
      suspect.told.clear();
    }
    this.toldCount = 0;
    this.sweptAt = now;
    this.sweepsAt = now + options.intervalMs;
    this.isAwake = hasNews;
  }

  /** True when it is out. */
  private decide(suspect: Suspect, detector: Detector, figures: Figures, now: number): boolean {
    const options = this.options!;
    const isEnforced = modeOf(detector, options) === 'enforce';
    const verdict: Verdict = !isEnforced ? 'observed' : this.hasRoom(suspect) ? 'ejected' : 'capped';
    const count = suspect.count + 1;
    const forMs = Math.min(options.baseMs * count, options.maxMs) + options.jitterMs * this.parts.random.next();
    this.journal.count(detector, verdict);
    if (verdict === 'ejected') this.eject(suspect, detector, figures, now, forMs);
    else if (suspect.told.has(detector) || this.toldCount >= MAX_TOLD) return false;
    else {
      suspect.told.add(detector);
      this.toldCount += 1;
    }
    this.journal.write({ at: now, endpoint: suspect.endpoint.id, detector, kind: verdict, figures, forMs, count });
    return verdict === 'ejected';
  }

  private eject(suspect: Suspect, detector: Detector, figures: Figures, now: number, forMs: number): void {
    const { endpoint } = suspect;
    suspect.count += 1;
    suspect.ejection = { detector, figures, at: now, until: now + forMs, count: suspect.count };
    suspect.isReturning = false;
    suspect.conduct.clear();
    endpoint.gate.forget();
    endpoint.isEjected = true;
    suspect.recount(this.everyone);
    this.armFor(now + forMs);
    this.parts.onChange();
  }

  /** Would the law still hold if it were out, too? */
  private hasRoom(suspect: Suspect): boolean {
    suspect.recount(this.everyone);
    const { peers, isMember, isFlowing } = suspect;
    if (!isMember || peers.flowing <= (isFlowing ? 1 : 0)) return false;
    return peers.surplus < 0 && this.everyone.surplus < 0;
  }

  // --- The way back ---

  private let(suspect: Suspect, why: ReturnReason): void {
    const { ejection, endpoint } = suspect;
    if (ejection === null) return;
    const now = this.parts.clock.now();
    suspect.ejection = null;
    suspect.last = ejection;
    suspect.since = now;
    endpoint.isEjected = false;
    suspect.recount(this.everyone);
    // Who is needed at once cannot be let in by ones.
    suspect.isReturning = why !== 'needed';
    if (suspect.isReturning) endpoint.gate.probe(now);
    const { detector, at } = ejection;
    this.journal.write({ at: now, endpoint: endpoint.id, detector, kind: 'returned', why, afterMs: now - at });
    this.parts.onChange();
  }

  private returnAll(): void {
    for (const suspect of this.all) this.let(suspect, 'options');
  }

  /** Those whose time is up first. */
  private returnSurplus(group: PeerGroup<Suspect>): void {
    const { surplus } = group;
    if (surplus <= 0) return;
    const out = group.suspects.filter(({ isOut, isMember }) => isOut && isMember);
    out.sort((a, b) => a.ejection!.until - b.ejection!.until);
    for (const suspect of out.slice(0, surplus)) this.let(suspect, 'surplus');
  }

  private returnNeeded(group: PeerGroup<Suspect>): void {
    if (group.flowing > 0 || group.out === 0) return;
    for (const suspect of group.suspects) if (suspect.isOut && suspect.isMember) this.let(suspect, 'needed');
  }

  private armFor(at: number): void {
    if (!this.timer.isArmed || at < this.timer.at) this.parts.clock.arm(this.timer, at);
  }

  /** For what comes first: the end of the interval, or somebody's return. */
  private arm(): void {
    let at = this.isAwake ? this.sweepsAt : Number.POSITIVE_INFINITY;
    for (const { ejection } of this.suspects.values()) if (ejection !== null) at = Math.min(at, ejection.until);
    if (Number.isFinite(at)) this.parts.clock.arm(this.timer, at);
    else this.parts.clock.disarm(this.timer);
  }
}

function release(endpoint: LiveEndpoint): void {
  endpoint.watcher = UNWATCHED;
}
