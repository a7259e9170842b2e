import type { RouteOptions } from '../route/table/options.ts';
import type { Config, UpstreamConfig } from './config.ts';
import type { KvText, LayerVerdict, Material, Settlement } from './material.ts';
import type { Place } from './problems.ts';

type Plain = Omit<Settlement, 'config' | 'shown' | 'origins' | 'layers'>;
type Large = 'upstreams' | 'routes' | 'static';
type Verdict = Omit<LayerVerdict, 'used'> & { readonly used: Omit<KvText, 'text'> | null };

interface Head extends Plain {
  readonly kind: 'head';
  readonly config: Omit<Config, Large> | null;
  readonly layers: readonly Verdict[];
  /** JSON, which costs nothing until somebody asks for it. */
  readonly shown: string;
  readonly origins: string;
}

/**
 * A settlement on its way between processes. Taking a large value apart holds the event loop for as long as the value is
 * large, so it comes in pieces, each of which is small: other work goes on between them.
 */
export type Piece =
  | Head
  | { readonly kind: 'upstreams'; readonly entries: readonly (readonly [string, UpstreamConfig])[] }
  | { readonly kind: 'static'; readonly entries: readonly Entry<Config['static']>[] }
  /** Null: of the shared port. */
  | { readonly kind: 'routes'; readonly of: string | null; readonly routes: readonly RouteOptions[] }
  | { readonly kind: 'end' };

type Entry<M> = M extends ReadonlyMap<infer K, infer V> ? readonly [K, V] : never;

/** A route is half a kilobyte, an upstream three: some 15 KiB, which take well below a millisecond. */
const UPSTREAMS_EACH = 5;
const ROUTES_EACH = 30;

export function* piecesOf({ config, shown, origins, layers, ...plain }: Settlement): Generator<Piece, void> {
  const { upstreams, routes, static: services, ...rest } = config ?? NOTHING;
  yield {
    kind: 'head',
    ...plain,
    config: config === null ? null : (rest as Omit<Config, Large>),
    layers: layers.map(({ used, ...verdict }) => ({ ...verdict, used: used === null ? null : withoutText(used) })),
    shown: JSON.stringify(shown),
    origins: JSON.stringify([...origins]),
  };
  for (const entries of inGroups([...upstreams], UPSTREAMS_EACH)) {
    yield { kind: 'upstreams', entries: entries.map(([name, one]) => [name, { ...one, routes: [] }]) };
  }
  for (const entries of inGroups([...services], UPSTREAMS_EACH)) yield { kind: 'static', entries };
  for (const some of inGroups(routes, ROUTES_EACH)) yield { kind: 'routes', of: null, routes: some };
  for (const [name, upstream] of upstreams) {
    for (const some of inGroups(upstream.routes, ROUTES_EACH)) yield { kind: 'routes', of: name, routes: some };
  }
  yield { kind: 'end' };
}

/** Puts the pieces together again. `material` is what was settled: its texts need not come back. */
export class Assembly {
  private head: Head | null = null;
  private readonly upstreams = new Map<string, UpstreamConfig & { readonly routes: RouteOptions[] }>();
  private readonly services: [string, Entry<Config['static']>[1]][] = [];
  private readonly routes: RouteOptions[] = [];

  constructor(private readonly material: Material) {}

  /** Null until the last one has come. */
  add(piece: Piece): Settlement | null {
    switch (piece.kind) {
      case 'head':
        this.head = piece;
        return null;
      case 'upstreams':
        for (const [name, one] of piece.entries) this.upstreams.set(name, { ...one, routes: [] });
        return null;
      case 'static':
        this.services.push(...piece.entries.map(([name, one]) => [name, one] as [string, typeof one]));
        return null;
      case 'routes':
        (piece.of === null ? this.routes : this.upstreams.get(piece.of)!.routes).push(...piece.routes);
        return null;
      case 'end':
        return this.whole(this.head!);
    }
  }

  private whole({ kind: _kind, config, shown, origins, layers, ...plain }: Head): Settlement {
    const large = { upstreams: this.upstreams, routes: this.routes, static: new Map(this.services) };
    return {
      ...plain,
      config: config === null ? null : { ...config, ...large },
      layers: layers.map(({ used, ...verdict }) => ({ ...verdict, used: used === null ? null : this.textOf(used) })),
      get shown(): Settlement['shown'] {
        return JSON.parse(shown) as Settlement['shown'];
      },
      get origins(): Settlement['origins'] {
        return new Map(JSON.parse(origins) as [string, Place][]);
      },
    };
  }

  private textOf({ layer, revision, isCandidate }: Omit<KvText, 'text'>): KvText {
    const { newest, good } = this.material;
    const isIt = (one: KvText): boolean =>
      one.layer === layer && one.revision === revision && one.isCandidate === isCandidate;
    return newest.find(isIt) ?? good.find(isIt)!;
  }
}

const NOTHING = { upstreams: new Map(), routes: [], static: new Map() } as Pick<Config, Large>;

function withoutText({ text: _text, ...rest }: KvText): Omit<KvText, 'text'> {
  return rest;
}

function* inGroups<T>(all: readonly T[], each: number): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += each) yield all.slice(from, from + each);
}
