import type { Config } from './config.ts';

/** The services that a configuration calls by an upstream of theirs: those whose own documents concern it. */
export function servicesOf(config: Config): ReadonlySet<string> {
  return new Set([...config.upstreams.values()].map(({ service }) => service));
}

/** What `Material.inForce` counts. */
export function countsOf(config: Config): { readonly upstreams: number; readonly routes: number } {
  let routes = config.routes.length;
  for (const upstream of config.upstreams.values()) routes += upstream.routes.length;
  return { upstreams: config.upstreams.size, routes };
}
