import { pathFlaw } from '../../route/effects/path-rewrite.ts';
import type { Leaf, Leaves } from './leaves.ts';
import { matchOf } from './matches.ts';
import { changesOf, durationIn, retryOf } from './policy.ts';
import type { Words } from './words.ts';

type Written = Record<string, unknown>;

/** Of one service; a router of Consul's is written by hand. */
const MAX_ROUTES = 500;
/** A hundredth of a percent, the smallest step of Consul's. */
const WEIGHTS_PER_PERCENT = 100;

/**
 * Routers and splitters as routes of an upstream.
 *
 * Consul's routes are a list of which the first that matches counts, so each has its place in it as its `order`; that
 * begins at 1, behind all that documents say of the same upstream.
 */
export class ChainRoutes {
  readonly routes: Written = {};

  constructor(
    private readonly chain: Words,
    private readonly nodes: Readonly<Record<string, unknown>>,
    private readonly leaves: Leaves,
  ) {}

  addRouter(name: string): void {
    const node = this.chain.wordsOf(this.nodes[name], 'Nodes', name);
    const list = node.list('Routes');
    node.skip('Type', 'Name', 'LoadBalancer');
    node.done();
    for (const [index, item] of list.slice(0, MAX_ROUTES).entries()) {
      // Nothing comes behind one that takes every request, and here the service itself would.
      if (this.addRoute(node.wordsOf(item, 'Routes', index), index + 1)) return;
    }
    if (list.length > MAX_ROUTES) node.refuse('Routes', `${list.length} routes`, `at most ${MAX_ROUTES}`);
  }

  /** Of a chain that begins with a splitter. */
  addSplitter(name: string): void {
    const way = this.wayTo(name);
    if (way !== null) this.routes['consul-1'] = { order: 1, ...way };
  }

  /** True: it is for every request. */
  private addRoute(words: Words, order: number): boolean {
    const definition = words.words('Definition');
    const match = matchOf(definition.words('Match'));
    const destination = definition.words('Destination');
    definition.done();
    const policy = policyOf(destination, match ?? {});
    const way = this.wayTo(words.text('NextNode'));
    words.done();
    if (match === null) return false;
    const isCatchAll = Object.keys(match).length === 0 || isEveryPath(match);
    // The last one leads to the service itself, which is where requests go that no route has.
    const isBare = isCatchAll && Object.keys({ ...way, ...policy }).length === 0;
    if (way !== null && !isBare) {
      this.routes[`consul-${order}`] = { order, ...(isCatchAll ? {} : { match }), ...way, ...policy };
    }
    return isCatchAll;
  }

  /** `to` or `split`, nothing for the service itself; null: it cannot be had. */
  private wayTo(name: string): Written | null {
    if (this.leaves.typeOf(name) !== 'splitter') {
      const leaf = this.leaves.leafOf(name);
      return leaf === null ? null : isSelf(leaf) ? {} : { to: toOf(leaf) };
    }
    const node = this.chain.wordsOf(this.nodes[name], 'Nodes', name);
    const parts = new Map<string, Written & { weight: number }>();
    for (const [index, item] of node.list('Splits').entries()) {
      const words = node.wordsOf(item, 'Splits', index);
      const part = this.partOf(words);
      if (part === null) return null;
      const key = JSON.stringify({ ...part, weight: 0 });
      parts.set(key, { ...part, weight: part.weight + (parts.get(key)?.weight ?? 0) });
    }
    const split = [...parts.values()].filter(({ weight }) => weight > 0);
    const [only] = split;
    if (only === undefined) {
      node.refuse('Splits', 'nothing that has a weight', 'a weight above 0');
      return null;
    }
    if (split.length > 1) return { split };
    const { weight: _weight, upstream, subset, ...changes } = only;
    return {
      ...(upstream === undefined && subset === undefined ? {} : { to: { ...present({ upstream, subset }) } }),
      ...changes,
    };
  }

  private partOf(words: Words): (Written & { weight: number }) | null {
    const weight = Math.round(words.number('Weight') * WEIGHTS_PER_PERCENT);
    const next = words.text('NextNode');
    const definition = words.words('Definition');
    definition.skip('Weight', 'Service', 'ServiceSubset', 'Namespace', 'Partition');
    const request = changesOf(definition.words('RequestHeaders'));
    const response = changesOf(definition.words('ResponseHeaders'));
    definition.done();
    words.done();
    if (this.leaves.typeOf(next) === 'splitter') {
      words.refuse('NextNode', 'a splitter in a splitter', 'a resolver');
      return null;
    }
    const leaf = this.leaves.leafOf(next);
    return leaf === null ? null : { ...present({ ...leaf, request, response }), weight };
  }
}

function policyOf(destination: Words, match: Written): Written {
  destination.skip('Service', 'ServiceSubset', 'Namespace', 'Partition');
  const prefix = prefixOf(destination, match);
  const timeouts = present({
    request: durationIn(destination, 'RequestTimeout'),
    streamIdle: durationIn(destination, 'IdleTimeout'),
  });
  const retry = retryOf(destination);
  const request = changesOf(destination.words('RequestHeaders'));
  const response = changesOf(destination.words('ResponseHeaders'));
  destination.done();
  return present({
    rewrite: prefix === '' ? null : { prefix },
    timeouts: unlessBare(timeouts),
    retry: unlessBare(retry),
    request,
    response,
  });
}

function prefixOf(destination: Words, { path }: Written): string {
  const prefix = destination.text('PrefixRewrite');
  const isPattern = typeof path === 'object' && path !== null && 'regex' in path;
  if (prefix === '' || (pathFlaw(prefix) === null && !isPattern)) return prefix;
  destination.refuse(
    'PrefixRewrite',
    JSON.stringify(prefix),
    'a path that begins with /, in place of a path or a prefix',
  );
  return '';
}

function isEveryPath(match: Written): boolean {
  const path = match['path'] as Written | undefined;
  return Object.keys(match).length === 1 && path?.['prefix'] === '/';
}

function isSelf({ upstream, subset }: Leaf): boolean {
  return upstream === null && subset === null;
}

function toOf({ upstream, subset }: Leaf): unknown {
  return subset === null ? upstream : present({ upstream, subset });
}

function unlessBare(map: Written): Written | null {
  return Object.keys(map).length === 0 ? null : map;
}

function present(map: Written): Written {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value != null));
}
