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
  /** The path of a value in the text of its document, which may stand there once for many. */
  pathIn(path: Path): Path;
}

/** Of a layer that says everything where it is meant. */
export const SAME_PATH = (path: Path): Path => path;

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

/** Where a value was written, and how it is called there. */
export interface Spot {
  readonly place: Place;
  readonly path: Path;
}

/**
 * Where the effective value of a path was written: in the highest layer that speaks of it. A value that nobody wrote is
 * complained about where its nearest holder was.
 */
export function spotOf(layers: readonly Layer[], path: Path, at: 'key' | 'value'): Spot {
  for (let depth = path.length; depth > 0; depth--) {
    const holder = path.slice(0, depth);
    const isExact = depth === path.length;
    for (let i = layers.length - 1; i >= 0; i--) {
      const layer = layers[i]!;
      const place = layer.place(holder, isExact ? at : 'key');
      if (place !== null) return { place, path: layer.pathIn(path) };
    }
    // No document holds it: it is there only because a flag speaks of something within.
    const maker = layers.findLast((layer) => layer.whole !== null && valueAt(layer.value, holder) !== undefined);
    if (maker !== undefined) return { place: maker.whole!, path };
  }
  const first = layers.map((layer) => layer.place([], 'value')).find((place) => place !== null);
  return { place: first ?? { source: 'configuration', line: null, column: null }, path };
}

export function placeOf(layers: readonly Layer[], path: Path, at: 'key' | 'value'): Place {
  return spotOf(layers, path, at).place;
}

/** A value as the highest layer that has it wrote it, references unresolved. */
export function writtenAt(layers: readonly Layer[], path: Path): unknown {
  const layer = layers.findLast(({ written }) => valueAt(written, path) !== undefined);
  return layer === undefined ? undefined : valueAt(layer.written, path);
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
