import type { FailureCode } from '../../base/failure.ts';
import type { Random } from '../../base/random.ts';
import type { Peer } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Door, Visit } from '../../policy/door.ts';
import type { Evidence } from '../../policy/evidence.ts';
import type { RateLimitOptions } from './options.ts';
import { RateLimit, UNCONCERNED } from './rate-limit.ts';

/**
 * The rate limits of a plan. A request comes in when every limit that concerns it has a token, and then takes one of
 * each; one that is refused takes none, so that a caller that is over its own limit uses up nothing of what all have
 * together. Who is refused is told by the limit it has to wait for longest. A limit that observes refuses nobody.
 *
 * What each process lets through is its own affair: nothing is asked of anybody, and callers of n sidecars have n times
 * the rate.
 */
export class RateLimits implements Door {
  readonly all: readonly RateLimit[];
  private readonly slots: Int32Array;

  constructor(options: readonly RateLimitOptions[], random: Random, before: RateLimits | null) {
    const known = new Map((before?.all ?? []).map((limit) => [limit.options.name, limit]));
    this.all = options.map((one) => new RateLimit(one, random, known.get(one.name) ?? null));
    this.slots = new Int32Array(options.length);
  }

  enter(head: RequestHead | null, peer: Peer, visit: Visit, now: number): FailureCode | null {
    visit.limit = -1;
    let waitMs = -1;
    for (let i = 0; i < this.all.length; i++) {
      const limit = this.all[i]!;
      const slot = limit.slotOf(head, peer, now);
      this.slots[i] = slot;
      if (slot === UNCONCERNED) continue;
      const left = limit.left(slot, now);
      if (left > 0) continue;
      if (limit.options.mode === 'observe') limit.counts.observed += 1;
      else if (limit.waitMs(slot) > waitMs) {
        waitMs = limit.waitMs(slot);
        visit.limit = i;
      }
    }
    if (visit.limit < 0) return this.letIn(visit, now);
    this.all[visit.limit]!.counts.enforced += 1;
    visit.retryAfterMs = waitMs;
    visit.limitLeft = 0;
    visit.limitResetMs = waitMs;
    visit.isMarked = true;
    return 'rate_limited';
  }

  private letIn(visit: Visit, now: number): null {
    for (let i = 0; i < this.all.length; i++) {
      const slot = this.slots[i]!;
      if (slot === UNCONCERNED) continue;
      const limit = this.all[i]!;
      limit.take(slot);
      if (limit.options.tells === 'limited') continue;
      const left = limit.left(slot, now);
      if (visit.limit >= 0 && left >= visit.limitLeft) continue;
      visit.limit = i;
      visit.limitLeft = left;
      visit.limitResetMs = limit.fillMs(slot);
      visit.isMarked = true;
    }
    return null;
  }

  leave(_visit: Visit, _evidence: Evidence, _now: number): void {}

  /**
   * The fields of draft-ietf-httpapi-ratelimit-headers-10, of the limit that is nearest: what may come, and what of it
   * is left until when. Its window is whole seconds there.
   */
  mark({ limit, limitLeft, limitResetMs }: Visit, edits: Edits): void {
    if (limit < 0) return;
    const { name, requests, windowMs } = this.all[limit]!.options;
    const window = windowMs % 1000 === 0 ? `;w=${windowMs / 1000}` : '';
    edits.append('ratelimit-policy', `"${name}";q=${requests}${window}`);
    edits.append('ratelimit', `"${name}";r=${limitLeft};t=${Math.ceil(limitResetMs / 1000)}`);
  }
}
