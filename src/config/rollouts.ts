import { type Hash64, hashText, remainder } from '../cluster/hash.ts';
import type { LayerName } from './kv-keys.ts';
import type { Objection, Rollout } from './rollout.ts';

/** What is known at one look. */
export interface Sight {
  readonly staged: readonly Rollout[];
  readonly objections: readonly Objection[];
  /** Of the newest document that was seen of a layer; `0`: none. */
  revisionOf(layer: LayerName): string;
  /** Is it one of those that this sidecar's configuration is made of? */
  concerns(layer: LayerName): boolean;
  readonly now: number;
  readonly wallMs: number;
}

/** What this sidecar does about a rollout whose share it is in. */
export interface Part {
  readonly rollout: Rollout;
  /** It runs the candidate. */
  readonly isRunning: boolean;
  /** Why it does not; empty when it does. */
  readonly why: string;
  /** Its requests have been judged for as long as they are to be. */
  readonly isJudged: boolean;
}

interface Memory {
  readonly rollout: Rollout;
  readonly firstSeenAt: number;
  /** It stood there when this sidecar began to look: how long it has stood is known by the wall clock alone. */
  readonly isOld: boolean;
  isRunning: boolean;
  goneSince: number | null;
  ended: string | null;
}

/**
 * The documents that are promoted and the rollout that is over come by two watches. For as long a candidate whose
 * rollout vanished is kept, so that a promotion does not go by way of the old document.
 */
export const PROMOTION_MS = 1_000;
/** More rollouts than this are forgotten, those that ended first. */
const MAX_REMEMBERED = 256;

const OUT_OF = 10_000;

/**
 * Decides for each rollout whether this sidecar runs its candidate, by what stands in KV and how long it has stood.
 *
 * Whatever ends a candidate ends it for good: a rollout that was left is not joined again in this process, so that
 * nothing can make a sidecar go to and fro. It ends by an objection of anybody, at `until`, when its layer is no longer
 * at the base, and when it is gone. Clocks of machines differ: beside the wall clock a lease counts from when the
 * rollout was first seen and lasts as long as the rollout was meant to, so one whose clock is behind leaves in time
 * too, and one that starts late with such a clock does so at most one such time later.
 */
export class Rollouts {
  private readonly memories = new Map<string, Memory>();
  private isFirstLook = true;

  constructor(
    private readonly service: string,
    private readonly instance: string,
  ) {}

  look(sight: Sight): readonly Part[] {
    const parts: Part[] = [];
    for (const rollout of sight.staged) {
      if (!isInShare(rollout, this.service, this.instance)) continue;
      const memory = this.memories.get(rollout.seed) ?? this.begin(rollout, sight);
      if (memory === null) continue;
      memory.goneSince = null;
      this.decide(memory, sight);
      parts.push(partOf(memory, sight));
    }
    for (const memory of this.memories.values()) {
      if (!memory.isRunning || sight.staged.some(({ seed }) => seed === memory.rollout.seed)) continue;
      this.outlive(memory, sight);
      if (memory.isRunning) parts.push(partOf(memory, sight));
    }
    this.isFirstLook = false;
    return parts;
  }

  /** This sidecar will not have it, or no more. */
  leave(seed: string, why: string): void {
    const memory = this.memories.get(seed);
    if (memory !== undefined) end(memory, why);
  }

  private begin(rollout: Rollout, { concerns, now }: Sight): Memory | null {
    if (!concerns(rollout.layer)) return null;
    const state = { isOld: this.isFirstLook, isRunning: false, goneSince: null, ended: null };
    const memory = { rollout, firstSeenAt: now, ...state };
    this.memories.set(rollout.seed, memory);
    for (const [seed, { isRunning }] of this.memories) {
      if (this.memories.size <= MAX_REMEMBERED) break;
      if (!isRunning) this.memories.delete(seed);
    }
    return memory;
  }

  private decide(memory: Memory, sight: Sight): void {
    if (memory.ended !== null) return;
    const { rollout, firstSeenAt } = memory;
    const objection = sight.objections.find(({ seed }) => seed === rollout.seed);
    if (objection !== undefined) return end(memory, `somebody objects: ${objection.why}`);
    const lastsMs = rollout.untilMs - rollout.startedAtMs;
    if (sight.wallMs >= rollout.untilMs || sight.now >= firstSeenAt + lastsMs) return end(memory, 'its time is over');
    const ahead = aheadOf(sight.revisionOf(rollout.layer), rollout.base);
    if (ahead > 0) return end(memory, `${rollout.layer} is no longer at ${rollout.base}`);
    if (ahead === 0) memory.isRunning = true;
    else if (memory.isRunning) end(memory, `${rollout.layer} is no longer at ${rollout.base}`);
    // A base that has not been seen yet is waited for: documents and rollouts come by two watches.
  }

  private outlive(memory: Memory, sight: Sight): void {
    const { layer, base } = memory.rollout;
    memory.goneSince ??= sight.now;
    const isReplaced = sight.staged.some((other) => other.layer === layer);
    const isPromoted = sight.revisionOf(layer) !== base;
    if (isReplaced || isPromoted || sight.now >= memory.goneSince + PROMOTION_MS) end(memory, 'it is gone');
    else this.decide(memory, sight);
  }
}

/** Of 10,000 sidecars so many, always the same for a seed. */
export function isInShare(
  { seed, share }: Pick<Rollout, 'seed' | 'share'>,
  service: string,
  instance: string,
): boolean {
  return placeOf(seed, service, instance) < share;
}

/** Where in 0 .. 9,999 a seed puts a sidecar. */
export function placeOf(seed: string, service: string, instance: string): number {
  hashText(`${seed}/${service}/${instance}`, hash);
  return remainder(hash, OUT_OF);
}

const hash: Hash64 = { hashHigh: 0, hashLow: 0 };

function end(memory: Memory, why: string): void {
  memory.ended ??= why;
  memory.isRunning = false;
}

function partOf({ rollout, isRunning, isOld, firstSeenAt, ended }: Memory, { now, wallMs }: Sight): Part {
  const isJudged = now >= firstSeenAt + rollout.forMs || (isOld && wallMs >= rollout.startedAtMs + rollout.forMs);
  const why = isRunning ? '' : (ended ?? `${rollout.layer} has not been seen at ${rollout.base} yet`);
  return { rollout, isRunning, why, isJudged };
}

/** Above 0: the revision is newer than the base. Both are whole numbers in decimal digits. */
function aheadOf(revision: string, base: string): number {
  return Number(BigInt(revision) - BigInt(base));
}
