import type { HostName } from '../route/host.ts';
import { upstreamOf } from './build.ts';
import type { UpstreamConfig } from './config.ts';
import { upstreamSection } from './sections/upstream.ts';

/** An upstream of `outbound.discover`: as if it were declared without a word more than what the Host says. */
export function undeclaredUpstream({ service, tag, datacenter }: HostName): UpstreamConfig {
  return { ...upstreamOf(service, upstreamSection.parse({})), tag, datacenter };
}
