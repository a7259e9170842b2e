import { upstreamOf } from './build.ts';
import type { UpstreamConfig } from './config.ts';
import { isMap } from './layers.ts';
import { upstreamSection } from './sections/upstream.ts';

/**
 * What an upstream is of which nobody says anything: the defaults of all layers, and what is built in. Its endpoints are
 * not checked: a check asks by the name of its service, which nobody knows yet.
 */
export function unsaidUpstream(defaults: unknown): UpstreamConfig {
  const { healthCheck: _unnamed, ...said } = isMap(defaults) ? defaults : {};
  const read = upstreamSection.safeParse(said);
  return upstreamOf('', read.success ? read.data : upstreamSection.parse({}));
}
