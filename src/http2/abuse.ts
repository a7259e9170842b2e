import type { Clock } from '../base/clock.ts';

/** Limits on what a peer may make us do for nothing. */
export interface AbuseLimits {
  /** Streams that ended by a reset, beyond those that ended well. */
  readonly maxResets: number;
  /** Frames that moved nothing, beyond ten for each that did. */
  readonly maxUselessFrames: number;
}

/** A frame that moves something pays for this many that do not: PING, SETTINGS, WINDOW_UPDATE, empty DATA. */
const USELESS_PER_USEFUL = 10;

/**
 * Each of these takes one off either count: a peer that pings an idle connection, or cancels all it asks for, is slow
 * at it.
 */
const FORGIVE_MS = 1_000;

/**
 * Whether a peer uses the protocol or uses it up. Both counts fall with what goes well, so only the surplus counts and
 * a long life is no offence: a client that cancels every other request for ever stays, one that resets everything goes
 * after `maxResets` (CVE-2023-44487). Resets that the peer drove us to count like its own (CVE-2025-8671).
 */
export class Abuse {
  private resets = 0;
  private useless = 0;
  private forgivenAt: number;

  constructor(
    private readonly limits: AbuseLimits,
    private readonly clock: Clock,
  ) {
    this.forgivenAt = clock.now();
  }

  /** A stream ended by a reset. True: that is one too many. */
  onReset(): boolean {
    if (++this.resets > this.limits.maxResets) this.forgive();
    return this.resets > this.limits.maxResets;
  }

  /** A stream ended well. */
  onComplete(): void {
    if (this.resets > 0) this.resets--;
  }

  /** A frame moved nothing. True: that is one too many. */
  onUseless(): boolean {
    if (++this.useless > this.limits.maxUselessFrames) this.forgive();
    return this.useless > this.limits.maxUselessFrames;
  }

  /** A stream was opened, or bytes of a body moved either way. */
  onUseful(): void {
    this.useless = this.useless > USELESS_PER_USEFUL ? this.useless - USELESS_PER_USEFUL : 0;
  }

  /** Looked at only where a count is too high, so that the others cost no clock. */
  private forgive(): void {
    const times = Math.floor((this.clock.now() - this.forgivenAt) / FORGIVE_MS);
    this.forgivenAt += times * FORGIVE_MS;
    this.resets = Math.max(0, this.resets - times);
    this.useless = Math.max(0, this.useless - times);
  }
}
