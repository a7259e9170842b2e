import type { EndpointSpec } from '../snapshot.ts';

/** Endpoints that have all of these. */
export interface Subset {
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
}

export function isIn(subset: Subset, { tags, meta }: EndpointSpec): boolean {
  return (
    subset.tags.every((tag) => tags.includes(tag)) &&
    Object.entries(subset.meta).every(([key, value]) => Object.hasOwn(meta, key) && meta[key] === value)
  );
}
