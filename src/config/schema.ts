import { z } from 'zod';
import { group, optional, required, section } from './field.ts';
import { consulSection } from './sections/consul.ts';
import { inboundSection, outboundSection } from './sections/listeners.ts';
import { operations } from './sections/operations.ts';
import { overridesSection } from './sections/overrides.ts';
import { sharedRoutes } from './sections/routes/routes.ts';
import { serviceSection } from './sections/service.ts';
import { staticEndpoint } from './sections/static.ts';
import { upstreamDefaults, upstreamSection } from './sections/upstream.ts';
import { label, name } from './values.ts';

/**
 * Every key of the configuration: its type, default, scope and meaning, said once. The parser, the editors' JSON
 * Schema, the table of keys and the check of documents from Consul are all made of this.
 *
 * A shape decides about each value alone; what two values say together is in `rules.ts`.
 */
export const configSchema = section({
  service: required(serviceSection, { scope: null, meaning: 'The local application.' }),
  inbound: optional(inboundSection, 'none', { scope: null, meaning: 'remora in front of the local application.' }),
  outbound: optional(outboundSection, 'none', {
    scope: null,
    meaning: 'A shared HTTP port to all upstreams, routed by Host.',
  }),
  upstreams: group(
    z.record(label(), upstreamSection, { error: 'a map of upstreams' }),
    'The services that are called. The name here is the Host they are called by; `service` says another name in Consul.',
  ),
  routes: sharedRoutes(),
  defaults: optional(upstreamDefaults, 'nothing', {
    scope: null,
    meaning:
      'What every upstream is unless the same or a higher document says otherwise: any key of `upstreams.<name>` but `service`, `port` and `address`.',
    sameAs: 'upstreams.<name>',
  }),
  static: group(
    z.record(name(), z.array(staticEndpoint, { error: 'a list of endpoints' }), {
      error: 'a map of lists of endpoints',
    }),
    'Services whose endpoints are written here and not asked of Consul.',
  ),
  consul: optional(consulSection, 'no Consul, unless `CONSUL_HTTP_ADDR` is set', {
    scope: null,
    meaning: 'Where services are found that are not static. `{}` is enough for an agent on this machine.',
  }),
  overrides: overridesSection,
  ...operations,
});

/** Shapes and units are right; contradictions are still possible. */
export type Written = z.output<typeof configSchema>;
