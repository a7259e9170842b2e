import { isMap, type Layer } from './layers.ts';
import { formatPath, type Path, valueAt } from './paths.ts';
import type { Place } from './problems.ts';
import { hasReference } from './references.ts';

/** Which layer a value is of, by its index; of a map, which layers its values are of. */
type Winner = number | Map<string, Winner>;

/** Where each value that is shown was written; what is missing here is built in. A list is one value. */
export function originsOf(shown: unknown, layers: readonly Layer[]): ReadonlyMap<string, Place> {
  const origins = new Map<string, Place>();
  eachWritten(shown, layers, (path, layer) => {
    const place = layer.place(path, 'value');
    if (place !== null) origins.set(formatPath(path), place);
    return undefined;
  });
  return origins;
}

/** A shorter text would be found in words that have nothing to do with it. */
const LEAST_SECRET = 4;

/**
 * The same with references of documents from Consul as they are written, and not as what they stand for: who may read
 * what is shown need not be one who may read this machine's files. `resolved` is what each stands for.
 */
export function withReferences(
  shown: Readonly<Record<string, unknown>>,
  layers: readonly Layer[],
  resolved: ReadonlyMap<string, string>,
): Readonly<Record<string, unknown>> {
  if (resolved.size === 0) return shown;
  const references = [...resolved.values()];
  const written = eachWritten(shown, layers, (path, layer) => {
    const value = valueAt(layer.written, path);
    const text = hasReference(value) ? JSON.stringify(value) : '';
    return references.some((reference) => text.includes(JSON.stringify(reference).slice(1, -1))) ? value : undefined;
  });
  return withoutTexts(written, resolved) as Readonly<Record<string, unknown>>;
}

/** What references stand for, as problems and answers may show it. */
export function withoutSecrets(text: string, resolved: ReadonlyMap<string, string>): string {
  let rest = text;
  for (const [value, written] of resolved) if (value.length >= LEAST_SECRET) rest = rest.replaceAll(value, written);
  return rest;
}

function withoutTexts(value: unknown, resolved: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return withoutSecrets(value, resolved);
  if (Array.isArray(value)) return value.map((item) => withoutTexts(item, resolved));
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutTexts(inner, resolved)]));
}

/** Calls for every value that somebody wrote; what it answers, if anything, is put in its place. */
function eachWritten(shown: unknown, layers: readonly Layer[], call: (path: Path, layer: Layer) => unknown): unknown {
  let winners: Winner = new Map();
  for (const [index, { value }] of layers.entries()) winners = lay(winners, value, index);
  const walk = (value: unknown, winner: Winner | undefined, path: Path): unknown => {
    if (winner === undefined) return value;
    if (winner instanceof Map && isMap(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, walk(inner, winner.get(key), [...path, key])]),
      );
    }
    // A map in short form, or a short form for a map: it was written as one.
    const layer = winner instanceof Map ? layers.findLast((one) => one.place(path, 'value') !== null) : layers[winner];
    return layer === undefined ? value : (call(path, layer) ?? value);
  };
  return walk(shown, winners, []);
}

function lay(lower: Winner | undefined, value: unknown, index: number): Winner {
  if (!isMap(value)) return index;
  const winners = lower instanceof Map ? lower : new Map<string, Winner>();
  for (const [key, inner] of Object.entries(value)) {
    if (inner === null) winners.delete(key);
    else winners.set(key, lay(winners.get(key), inner, index));
  }
  return winners;
}
