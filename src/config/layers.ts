import type { Path } from './paths.ts';
import { valueAt } from './paths.ts';
import type { Place } from './problems.ts';

/** One source of settings, as plain values before they are judged. */
export interface Layer {
  readonly value: unknown;
  /** The same before references were resolved: what problems may show. */
  readonly written: unknown;
  /** Null when this layer says nothing about the path. */
  place(path: Path, at: 'key' | 'value'): Place | null;
  /** Of a layer that was written all in one place, a flag; null for others. */
  readonly whole: Place | null;
}

/**
 * Lays one document over another, field by field: maps merge, anything else replaces, and null takes away what lies
 * below, so that the default shows again.
 */
export function merge(lower: unknown, upper: unknown): unknown {
  if (!isMap(upper)) return upper;
  const merged = new Map(isMap(lower) ? Object.entries(lower) : []);
  for (const [key, value] of Object.entries(upper)) {
    if (value === null) merged.delete(key);
    else merged.set(key, merge(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/** Lowest first. */
export function mergeLayers(layers: readonly Layer[]): unknown {
  return layers.reduce<unknown>((lower, layer) => merge(lower, layer.value), {});
}

/**
 * Where the effective value of a path was written: in the highest layer that speaks of it. A value that nobody wrote is
 * complained about where its nearest holder was.
 */
export function placeOf(layers: readonly Layer[], path: Path, at: 'key' | 'value'): Place {
  for (let depth = path.length; depth > 0; depth--) {
    const holder = path.slice(0, depth);
    const isExact = depth === path.length;
    for (const layer of layers.toReversed()) {
      const place = layer.place(holder, isExact ? at : 'key');
      if (place !== null) return place;
    }
    // No document holds it: it is there only because a flag speaks of something within.
    const maker = layers.findLast((layer) => layer.whole !== null && valueAt(layer.value, holder) !== undefined);
    if (maker !== undefined) return maker.whole!;
  }
  const first = layers.map((layer) => layer.place([], 'value')).find((place) => place !== null);
  return first ?? { source: 'configuration', line: null, column: null };
}

/** The effective value as it was written, references unresolved. */
export function writtenAt(layers: readonly Layer[], path: Path): unknown {
  return valueAt(
    layers.reduce<unknown>((lower, layer) => merge(lower, layer.written), {}),
    path,
  );
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
