import type { Random } from '../../base/random.ts';
import { randomHex } from '../../http/hex.ts';
import { placeOf } from '../rollouts.ts';
import type { SidecarStatus } from '../sidecar-status.ts';

export interface Share {
  readonly seed: string;
  /** Of 10,000. */
  readonly share: number;
  readonly canaries: readonly SidecarStatus[];
}

const SEED_DIGITS = 16;
const TRIES = 200;

/**
 * Who goes first. The hash of few sidecars may put none of them, or most, into a tenth; so the seed is drawn until it
 * takes as many as were meant, at least one. A sidecar that starts in the middle falls in or out by the same share.
 */
export function drawShare(share: number, sidecars: readonly SidecarStatus[], random: Random): Share {
  const wanted = Math.max(1, Math.round((share / 10_000) * sidecars.length));
  let best: Share | null = null;
  for (let tries = 0; tries < TRIES; tries++) {
    const seed = randomHex(random, SEED_DIGITS);
    const drawn = { seed, share, canaries: inShare(seed, share, sidecars) };
    if (drawn.canaries.length === wanted) return drawn;
    if (best === null || distance(drawn, wanted) < distance(best, wanted)) best = drawn;
  }
  const { seed, canaries } = best!;
  if (canaries.length > 0) return best!;
  // So few and so small a share that no seed had one: the share is raised to the nearest of them.
  const nearest = Math.min(...sidecars.map(({ service, instance }) => placeOf(seed, service, instance)));
  return { seed, share: nearest + 1, canaries: inShare(seed, nearest + 1, sidecars) };
}

function distance({ canaries }: Share, wanted: number): number {
  return canaries.length === 0 ? Number.MAX_SAFE_INTEGER : Math.abs(canaries.length - wanted);
}

function inShare(seed: string, share: number, sidecars: readonly SidecarStatus[]): readonly SidecarStatus[] {
  return sidecars.filter(({ service, instance }) => placeOf(seed, service, instance) < share);
}
