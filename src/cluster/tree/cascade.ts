/** What of a level there is, and what of that can be used. */
export interface Standing {
  readonly total: number;
  readonly usable: number;
}

/** The loads of all levels, and whether their health together is less than enough. */
export interface Cascade {
  /** In percent, 100 together unless nothing can be used. */
  readonly loads: readonly number[];
  readonly isShort: boolean;
}

/**
 * How traffic is spread over levels of priority, as Envoy does it: a level's health is its usable part times the
 * over-provisioning, at most 100, and each level takes as much of the traffic as its health says and leaves the rest to
 * the next. When all of them together have less than 100, what they have is scaled up to it.
 *
 * So 72 of 100 healthy endpoints of the first level still take everything (with 1.4), 50 take 70 % and leave 30. Whole
 * percents, and what rounding leaves goes to the first level that can be used, so that the shares of two sidecars that
 * see the same endpoints are the same.
 */
export function cascade(levels: readonly Standing[], overprovisioning: number): Cascade {
  const healths = levels.map((level) => healthOf(level, overprovisioning));
  const sum = healths.reduce((total, health) => total + health, 0);
  const normalized = Math.min(100, sum);
  let left = normalized === 0 ? 0 : 100;
  const loads = healths.map((health) => {
    const load = normalized === 0 ? 0 : Math.min(left, Math.floor((health * 100) / normalized));
    left -= load;
    return load;
  });
  return { loads: withRest(loads, healths, left), isShort: sum < 100 };
}

/** Traffic in proportion to size: where every level is in panic, none is better than another. */
export function bySize(sizes: readonly number[]): readonly number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === 0) return sizes;
  const loads = sizes.map((size) => Math.floor((100 * size) / total));
  return withRest(loads, sizes, 100 - loads.reduce((sum, load) => sum + load, 0));
}

/**
 * Whoever is usable counts for something, be it one of a thousand. The margin is for factors such as 1.15, which is a
 * little less.
 */
function healthOf({ total, usable }: Standing, overprovisioning: number): number {
  if (usable === 0) return 0;
  return Math.max(1, Math.min(100, Math.floor((overprovisioning * 100 * usable) / total + 1e-9)));
}

function withRest(loads: readonly number[], sizes: readonly number[], rest: number): readonly number[] {
  const first = sizes.findIndex((size) => size > 0);
  return loads.map((load, i) => (i === first ? load + rest : load));
}
