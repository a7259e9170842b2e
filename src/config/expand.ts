import { isMap, type Layer, mergeLayers, SAME_PATH } from './layers.ts';
import { type Path, valueAt } from './paths.ts';
import type { Place } from './problems.ts';
import { targetsIn } from './route-targets.ts';

/**
 * A document before it is known what it is laid over. `service` null: it has the shape of the file; else that of one
 * upstream, and is meant for every upstream of that service.
 */
export interface Source extends Layer {
  readonly service: string | null;
}

/** Of one that an upstream may be called; others are complained about where they stand. */
const LABEL = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
/** Each round finds the upstreams that the routes of those before it lead to. */
const MOST_ROUNDS = 16;

export interface Expanded {
  readonly layers: readonly Layer[];
  readonly merged: unknown;
}

/**
 * Brings every document into the shape of the file, lowest first: `defaults` become values of every upstream, below
 * what the same document says of one upstream, and a service's document those of its upstreams. Places and paths stay
 * those of the text. Upstreams that routes lead to and nobody declared are added with nothing in them.
 */
export function expand(sources: readonly Source[]): Expanded {
  const declared = valueAt(mergeLayers(sources.filter(({ service }) => service === null)), ['upstreams']);
  const upstreams = isMap(declared) ? declared : {};
  const implied = new Map<string, Path>();
  for (let round = 0; ; round++) {
    const names = [...Object.keys(upstreams), ...implied.keys()];
    const services = new Map(names.map((name) => [name, serviceOf(name, upstreams[name])]));
    const laid = sources.flatMap((source) => layersOf(source, services));
    const layers = implied.size === 0 ? laid : [impliedLayer(implied, laid), ...laid];
    const merged = mergeLayers(layers);
    const before = implied.size;
    for (const [name, path] of targetsIn(merged)) {
      if (!services.has(name) && !implied.has(name) && LABEL.test(name)) implied.set(name, path);
    }
    if (implied.size === before || round === MOST_ROUNDS) return { layers, merged };
  }
}

function serviceOf(name: string, upstream: unknown): string {
  const service = valueAt(upstream, ['service']);
  return typeof service === 'string' ? service : name;
}

function layersOf(source: Source, services: ReadonlyMap<string, string>): Layer[] {
  if (source.service !== null) {
    const names = [...services].filter(([, service]) => service === source.service).map(([name]) => name);
    return names.length === 0 ? [] : [laidOver(source, [], names)];
  }
  if (!isMap(valueAt(source.value, ['defaults'])) || services.size === 0) return [source];
  return [laidOver(source, ['defaults'], [...services.keys()]), source];
}

/** What stands at `from` in a document, as values of each of these upstreams. */
function laidOver(source: Source, from: Path, names: readonly string[]): Layer {
  const isMeant = new Set<string | number>(names);
  const pathIn = (path: Path): Path =>
    path[0] === 'upstreams' && path.length > 2 && isMeant.has(path[1]!) ? [...from, ...path.slice(2)] : path;
  const place: Layer['place'] = (path, at) => {
    const inner = pathIn(path);
    return inner === path ? null : source.place(inner, at);
  };
  const over = (root: unknown): unknown => {
    const value = valueAt(root, from);
    return { upstreams: Object.fromEntries(names.map((name) => [name, value])) };
  };
  const { whole } = source;
  return { value: over(source.value), written: over(source.written), place, whole, pathIn };
}

function impliedLayer(implied: ReadonlyMap<string, Path>, layers: readonly Layer[]): Layer {
  const value = { upstreams: Object.fromEntries([...implied.keys()].map((name) => [name, {}])) };
  const place = (path: Path): Place | null => {
    const named = path.length === 2 && path[0] === 'upstreams' ? implied.get(String(path[1])) : undefined;
    return named === undefined
      ? null
      : (layers
          .toReversed()
          .map((layer) => layer.place(named, 'value'))
          .find((found) => found !== null) ?? null);
  };
  return { value, written: value, place, whole: null, pathIn: SAME_PATH };
}

/** A document that has the shape of the file. */
export function source(layer: Layer): Source {
  return { ...layer, service: null };
}
