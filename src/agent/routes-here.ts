import type { Config } from '../config/config.ts';
import type { RouteOptions } from '../route/table/options.ts';

/**
 * The routes that this sidecar asks, by the upstream whose they are; null: those of the shared port, which are asked
 * where there is one. What is for the sidecars of other callers is not among them.
 */
export function routesHere({
  routes,
  upstreams,
  outbound,
  service,
}: Pick<Config, 'routes' | 'upstreams' | 'outbound' | 'service'>): readonly (readonly [
  owner: string | null,
  routes: readonly RouteOptions[],
])[] {
  const isHere = ({ callers }: RouteOptions): boolean => callers.length === 0 || callers.includes(service.name);
  const own = [...upstreams.values()].map((upstream) => [upstream.name, upstream.routes.filter(isHere)] as const);
  return [[null, outbound === null ? [] : routes.filter(isHere)], ...own];
}
