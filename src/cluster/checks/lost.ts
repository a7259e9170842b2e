import type { ClusterSnapshot, EndpointSpec } from '../snapshot.ts';

/** Ids of the endpoints that are up, by their own checks. */
export type Witness = () => ReadonlySet<string>;

interface Lost {
  readonly spec: EndpointSpec;
  readonly lostAt: number;
}

/**
 * Keeps in a snapshot what discovery has lost while checks still find it well, for so long at most.
 *
 *     discovery | checks | then
 *     listed    | pass   | used
 *     listed    | fail   | not used, as long as others are well
 *     lost      | pass   | used until `keepMs` after the loss
 *     lost      | fail   | gone
 *
 * Endpoints in maintenance or critical are let go at once: somebody has announced that they go.
 */
export class LostEndpoints {
  private listed: ReadonlyMap<string, EndpointSpec> = new Map();
  private lost = new Map<string, Lost>();

  get size(): number {
    return this.lost.size;
  }

  /** The newest word of discovery. Returns it with what is kept besides. */
  take(snapshot: ClusterSnapshot, keepMs: number, witness: Witness, now: number): ClusterSnapshot {
    const before = this.listed;
    this.listed = new Map(snapshot.endpoints.map((spec) => [spec.id, spec]));
    for (const id of this.listed.keys()) this.lost.delete(id);
    for (const [id, spec] of before) {
      const wasUsed = spec.health === 'passing' || spec.health === 'warning';
      if (keepMs > 0 && wasUsed && !this.listed.has(id)) this.lost.set(id, { spec, lostAt: now });
    }
    this.review(keepMs, witness, now);
    if (this.lost.size === 0) return snapshot;
    const kept = [...this.lost.values()].map(({ spec }) => spec);
    return { ...snapshot, endpoints: [...snapshot.endpoints, ...kept].sort((a, b) => (a.id < b.id ? -1 : 1)) };
  }

  /** Lets go of who is down or has been kept for long enough, as that is now. True when somebody went. */
  review(keepMs: number, witness: Witness, now: number): boolean {
    const { size } = this.lost;
    if (size === 0) return false;
    const up = witness();
    for (const [id, { lostAt }] of this.lost) if (now >= lostAt + keepMs || !up.has(id)) this.lost.delete(id);
    return this.lost.size < size;
  }

  /** When the first of them has been kept for long enough; infinite where none is. */
  dueAt(keepMs: number): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { lostAt } of this.lost.values()) due = Math.min(due, lostAt + keepMs);
    return due;
  }
}
