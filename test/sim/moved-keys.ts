import { pickContext } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { KEYS, makeCluster, type Setup, setKey, specsFor, zoneOf } from './simulation.ts';

/** Of all keys, which shares change their endpoint with a membership. */
export interface MovedKeys {
  readonly moved: number;
  /** Of these, those whose old endpoint is still there and whose new one was there before: nobody had to move them. */
  readonly needless: number;
}

/** Sidecars that are asked; they differ in what they know, and in chance. */
const ASKED = 3;
const PROBED_KEYS = 200;

/** Null for an algorithm that does not look at keys. */
export function movedKeys(setup: Setup, fromSecond: number, toSecond: number): MovedKeys | null {
  const asked = Math.min(ASKED, setup.sidecars);
  let moved = 0;
  let needless = 0;
  for (let sidecar = 0; sidecar < asked; sidecar++) {
    const before = owners(setup, sidecar, fromSecond);
    const after = owners(setup, sidecar, toSecond);
    if (before === null || after === null) return null;
    const wasThere = new Set(specsFor(setup, sidecar, fromSecond).map(({ id }) => id));
    const isThere = new Set(specsFor(setup, sidecar, toSecond).map(({ id }) => id));
    for (const [key, owner] of before.entries()) {
      if (owner === after[key]) continue;
      moved += 1;
      if (isThere.has(owner) && wasThere.has(after[key]!)) needless += 1;
    }
  }
  return { moved: moved / (asked * KEYS), needless: needless / (asked * KEYS) };
}

/** The endpoint of each key when nobody is busy; null when asking again gives other answers, or all keys the same. */
function owners(setup: Setup, sidecar: number, second: number): string[] | null {
  const cluster = makeCluster(setup.optionsIn(zoneOf(sidecar)), setup.seed + sidecar, new ManualClock());
  cluster.apply({ service: 'orders', endpoints: specsFor(setup, sidecar, second), source: 'sim' });
  const context = pickContext({ hasHash: true });
  const ownerOf = (key: number): string => {
    setKey(context, key);
    return cluster.pick(context)?.id ?? 'none';
  };
  const owners = Array.from({ length: KEYS }, (_, key) => ownerOf(key));
  // Backwards, or turns that come round in step with the keys would look like keys.
  let isHashing = true;
  for (let key = PROBED_KEYS - 1; key >= 0; key--) isHashing &&= ownerOf(key) === owners[key];
  return isHashing && new Set(owners).size > 1 ? owners : null;
}
