import type { Config, UpstreamConfig } from '../config/config.ts';
import type { RouteOptions } from '../route/table/options.ts';
import { routesHere } from './routes-here.ts';

const NONE: ReadonlySet<string> = new Set();

/**
 * Which subsets of each upstream are asked for apart from the others, by a route, so that their clusters have a part for
 * each. An upstream that is only ever called as a whole, or as its own `subset`, is none of this one's business:
 * discovery is asked for no more than that.
 */
export class RoutedSubsets {
  private named: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  /** `all`: somebody may ask for any of them at any time. */
  constructor(private readonly all: boolean) {}

  replace(config: Pick<Config, 'routes' | 'upstreams' | 'outbound' | 'service'>): void {
    const named = new Map<string, Set<string>>();
    const note = (upstream: string, subset: string | null): void => {
      if (subset === null) return;
      const known = named.get(upstream) ?? new Set();
      named.set(upstream, known.add(subset));
    };
    for (const [, routes] of routesHere(config)) {
      for (const route of routes) for (const { upstream, subset } of placesOf(route)) note(upstream, subset);
    }
    this.named = named;
  }

  /** In the order of the configuration, its own `subset` among them. Empty where all that is asked for is that. */
  of({ name, subset, subsets, shards }: UpstreamConfig): readonly string[] {
    // A shard is a part already, and which of the two is inside the other is nobody's to say.
    if (shards !== null) return [];
    const known = Object.keys(subsets);
    const named = this.named.get(name) ?? NONE;
    const asked = known.filter((one) => this.all || named.has(one));
    const isOwnAlone = asked.every((one) => one === subset);
    return isOwnAlone ? [] : known.filter((one) => one === subset || asked.includes(one));
  }
}

function placesOf({ action, mirrors }: RouteOptions): readonly { upstream: string; subset: string | null }[] {
  return action.kind === 'forward' ? [...action.targets, ...mirrors] : mirrors;
}
