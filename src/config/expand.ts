import { isMap, type Layer, mergeLayers, SAME_PATH } from './layers.ts';
import { type Path, valueAt } from './paths.ts';
import type { Finding, Place } from './problems.ts';
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

/** Of a sidecar; each has clusters, connections and metrics of its own. */
const MAX_UPSTREAMS = 1_000;
/**
 * Of those that documents of services make a caller have, by leading to them. Each is a query that waits at the agent of
 * the caller, which takes 200 of one address: whoever writes of one service must not use them up for all others.
 */
const MAX_LED_TO = 64;
/** Of the shared port, and of all upstreams together. */
const MAX_ROUTES = 10_000;

export interface Expanded {
  readonly layers: readonly Layer[];
  readonly merged: unknown;
  /** What is too much to be judged at all. */
  readonly excess: readonly Excess[];
}

export interface Excess {
  readonly finding: Finding;
  /** The document that has the most of it. */
  readonly source: Source;
  /** Others could declare what makes it too much. */
  readonly isPart?: boolean;
}

/**
 * Brings every document into the shape of the file, lowest first: `defaults` become values of every upstream, below
 * what the same document says of one upstream, and a service's document those of its upstreams. Places and paths stay
 * those of the text. Upstreams that routes lead to and nobody declared are added with nothing in them.
 */
export function expand(sources: readonly Source[]): Expanded {
  const written = mergeLayers(sources.filter(({ service }) => service === null));
  const declared = valueAt(written, ['upstreams']);
  const upstreams = isMap(declared) ? declared : {};
  const implied = new Map<string, Path>();
  for (let round = 0; ; round++) {
    const names = [...Object.keys(upstreams), ...implied.keys()];
    const services = new Map(names.map((name) => [name, serviceOf(name, upstreams[name])]));
    const excess =
      names.length > MAX_UPSTREAMS
        ? tooMany(sources, names.length)
        : [
            ...routesFor(sources, services),
            ...ledTo(sources, services, callerIn(written), new Set(Object.keys(upstreams))),
          ];
    if (excess.length > 0) return { layers: sources, merged: {}, excess };
    const laid = sources.flatMap((source) => layersOf(source, services));
    const layers = implied.size === 0 ? laid : [impliedLayer(implied, laid), ...laid];
    const merged = mergeLayers(layers);
    const before = implied.size;
    for (const [name, path] of targetsIn(merged, callerIn(merged), hasSharedPort(merged))) {
      if (!services.has(name) && !implied.has(name) && LABEL.test(name)) implied.set(name, path);
    }
    if (implied.size === before || round === MOST_ROUNDS) return { layers, merged, excess: [] };
  }
}

function callerIn(merged: unknown): unknown {
  return valueAt(merged, ['service', 'name']);
}

function hasSharedPort(merged: unknown): boolean {
  return isMap(valueAt(merged, ['outbound']));
}

function tooMany(sources: readonly Source[], count: number): Excess[] {
  const merged = mergeLayers(sources);
  const [caller, hasShared] = [callerIn(merged), hasSharedPort(merged)];
  const sizes = sources.map(
    ({ value }) => Object.keys(valueAt(value, ['upstreams']) ?? {}).length + targetsIn(value, caller, hasShared).length,
  );
  const source = sources[sizes.indexOf(Math.max(...sizes))];
  const path = source !== undefined && valueAt(source.value, ['upstreams']) === undefined ? ['routes'] : ['upstreams'];
  const found = `${count} upstreams, with those that routes lead to`;
  const finding: Finding = { path, at: 'key', found, expected: `at most ${MAX_UPSTREAMS}`, hint: null };
  return source === undefined ? [] : [{ finding, source }];
}

/** The document that leads to most of those that nobody declares, where documents of services lead to too many. */
function ledTo(
  sources: readonly Source[],
  services: ReadonlyMap<string, string>,
  caller: unknown,
  declared: ReadonlySet<string>,
): Excess[] {
  const led = sources
    .filter((source) => source.service !== null && namesFor(source, services).length > 0)
    .map((source) => {
      const names = targetsIn(source.value, caller, true).map(([name]) => name);
      return { source, names: new Set(names.filter((name) => !declared.has(name))) };
    });
  const count = new Set(led.flatMap(({ names }) => [...names])).size;
  if (count <= MAX_LED_TO) return [];
  const { source } = led.reduce((most, one) => (one.names.size > most.names.size ? one : most));
  const found = `routes to upstreams that nobody declares, ${count} in all documents of services`;
  const hint = 'those that a caller declares do not count';
  const finding: Finding = { path: ['routes'], at: 'key', found, expected: `at most ${MAX_LED_TO}`, hint };
  return [{ source, finding, isPart: true }];
}

/** Routes that stand once for many upstreams are each upstream's. */
function routesFor(sources: readonly Source[], services: ReadonlyMap<string, string>): Excess[] {
  return sources.flatMap((source): Excess[] => {
    const path = source.service === null ? ['defaults', 'routes'] : ['routes'];
    const routes = valueAt(source.value, path);
    const count = isMap(routes) ? Object.keys(routes).length : 0;
    const times = namesFor(source, services).length;
    const shared = source.service === null ? valueAt(source.value, ['routes']) : undefined;
    if (isMap(shared) && Object.keys(shared).length > MAX_ROUTES) {
      const found = `${Object.keys(shared).length} routes`;
      const expected = `at most ${MAX_ROUTES}`;
      return [{ source, finding: { path: ['routes'], at: 'key', found, expected, hint: null } }];
    }
    if (count * times <= MAX_ROUTES) return [];
    const found = `${count} routes for each of ${times} upstreams`;
    const expected = `at most ${MAX_ROUTES} together`;
    return [{ source, finding: { path, at: 'key', found, expected, hint: null } }];
  });
}

function namesFor({ service }: Source, services: ReadonlyMap<string, string>): string[] {
  return [...services].filter(([, one]) => service === null || service === one).map(([name]) => name);
}

function serviceOf(name: string, upstream: unknown): string {
  const service = valueAt(upstream, ['service']);
  return typeof service === 'string' ? service : name;
}

function layersOf(source: Source, services: ReadonlyMap<string, string>): Layer[] {
  if (source.service !== null) {
    const names = namesFor(source, services);
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
