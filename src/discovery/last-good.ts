import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Watch, WatchListener } from '../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource, ServiceQuery, Start } from '../cluster/snapshot.ts';
import { describeError } from './consul-error.ts';
import { loadSnapshot, type SavedSnapshot, saveSnapshot } from './snapshot-file.ts';

/** A source that can take what an earlier run believed as the measure of a sudden loss. */
export interface SeededSource {
  followFrom(query: ServiceQuery, signal: AbortSignal, seed: ClusterSnapshot | null): Watch<ClusterSnapshot>;
}

const MIN_GAP_MS = 1_000;
/** How far the time in an unchanged file may lag behind what is known. */
const REFRESH_MS = 10 * 60_000;
const RETRY_MS = 30_000;

/**
 * Remembers on disk what a source last said, one file per query, so that a sidecar that starts while Consul is away
 * starts with the endpoints of its last run and not with none.
 *
 * The file is read at once when a query is followed cold and stands until the source's first word. Followed warm it has
 * no say, since those who ask have endpoints that are in use, and those of another time are no match for them. Writing
 * is never in the way: at most once a second, in the background, and a disk that is full or read-only is a `problem`,
 * nothing else.
 */
export class LastGoodSource implements DiscoverySource {
  constructor(
    private readonly inner: SeededSource,
    private readonly directory: string,
    /** What tells one Consul from another: snapshots of different origins are never mixed. */
    private readonly origin: string,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  follow(query: ServiceQuery, signal: AbortSignal, start: Start): Watch<ClusterSnapshot> {
    const path = this.pathOf(query);
    let saved: SavedSnapshot | null = null;
    let problem: string | null = null;
    try {
      if (start === 'cold') saved = loadSnapshot(path);
    } catch (error) {
      problem = `${path} is ignored: ${describeError(error)}`;
      this.log.warn('last_good_ignored', { service: query.service, problem });
    }
    if (saved?.snapshot.endpoints.length === 0) saved = null;
    const live = this.inner.followFrom(query, signal, saved?.snapshot ?? null);
    return new RememberedWatch(live, saved, problem, path, this.clock, this.log, signal);
  }

  private pathOf(query: ServiceQuery): string {
    const { service, datacenter, namespace, tag, filter, connect, roles } = query;
    const asked = [this.origin, service, datacenter, namespace, tag, filter, connect];
    // Roles that are read in a check stand in what is kept; all others are told by `RoleSource`, which comes after.
    const inChecks = roles?.from.kind === 'check' ? [roles.from.name, roles.words] : [];
    const key = JSON.stringify([...asked, ...inChecks]);
    const digest = createHash('sha256').update(key).digest('hex').slice(0, 16);
    return join(this.directory, `${service.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)}-${digest}.json`);
  }
}

class RememberedWatch implements Watch<ClusterSnapshot> {
  private readonly timer = new Timer({ onTimer: () => void this.save() });
  private savedAt = Number.NEGATIVE_INFINITY;
  private savedFreshAt = 0;
  private isSaving = false;
  private isDirty = false;
  constructor(
    private readonly live: Watch<ClusterSnapshot>,
    private readonly disk: SavedSnapshot | null,
    private diskProblem: string | null,
    private readonly path: string,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly signal: AbortSignal,
  ) {
    live.subscribe(() => this.saveSoon());
    signal.addEventListener('abort', () => clock.disarm(this.timer), { once: true });
  }

  get value(): ClusterSnapshot | null {
    return this.live.value ?? this.disk?.snapshot ?? null;
  }

  /** For a snapshot of an earlier run this lies before the start, so it may be below zero. */
  get freshAt(): number {
    if (this.live.value !== null || this.disk === null) return this.live.freshAt;
    return this.clock.now() - Math.max(0, this.clock.wallMs() - this.disk.vouchedWallMs);
  }

  get problem(): string | null {
    if (this.live.problem !== null) return this.live.problem;
    if (this.live.value === null && this.disk !== null) return 'from an earlier run; Consul has not answered yet';
    return this.diskProblem;
  }

  subscribe(listener: WatchListener<ClusterSnapshot>): () => void {
    if (this.live.value === null && this.disk !== null) listener(this.disk.snapshot);
    return this.live.subscribe(listener);
  }

  private saveSoon(): void {
    this.isDirty = true;
    if (this.isSaving || this.signal.aborted) return;
    this.clock.arm(this.timer, Math.max(this.clock.now(), this.savedAt + MIN_GAP_MS));
  }

  private async save(): Promise<void> {
    const snapshot = this.live.value;
    // No help to a cold start, and if it is a lie it would outlive the liar: the endpoints before it stay on the disk.
    if (snapshot === null || snapshot.endpoints.length === 0) return;
    if (this.isDirty || this.live.freshAt > this.savedFreshAt) {
      this.isDirty = false;
      this.isSaving = true;
      const { freshAt } = this.live;
      const vouchedWallMs = Math.round(this.clock.wallMs() - (this.clock.now() - freshAt));
      try {
        await saveSnapshot(this.path, { snapshot, vouchedWallMs });
        this.savedFreshAt = freshAt;
        this.diskProblem = null;
      } catch (error) {
        this.diskProblem = `cannot keep the last good snapshot: ${describeError(error)}`;
        this.log.warn('last_good_not_saved', { path: this.path, problem: this.diskProblem });
      }
      this.isSaving = false;
      this.savedAt = this.clock.now();
    }
    if (this.signal.aborted) return;
    if (this.isDirty) this.saveSoon();
    else this.clock.arm(this.timer, this.clock.now() + (this.diskProblem === null ? REFRESH_MS : RETRY_MS));
  }
}
