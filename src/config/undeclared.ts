import type { HostName } from '../route/host.ts';
import type { UpstreamConfig } from './config.ts';

/** An upstream of `outbound.discover`: as if it were declared without a word more than what the Host says. */
export function undeclaredUpstream({ service, tag, datacenter }: HostName, like: UpstreamConfig): UpstreamConfig {
  return { ...like, name: service, service, tag, datacenter };
}
