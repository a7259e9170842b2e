import { z } from 'zod';
import { defaulted, optional, required, section } from '../field.ts';
import { count, HOST_PORT_WORDS, host, hostPort, port, text } from '../values.ts';
import { meta, tags } from './service.ts';

const longForm = section({
  address: required(host(), {
    scope: 'local',
    meaning: 'An IP address, or a name of which every address is an endpoint.',
  }),
  port: required(port(), { scope: 'local', meaning: 'Its port.' }),
  weight: defaulted(count(1, 65_535), 1, { scope: 'local', meaning: 'Share of traffic against its peers.' }),
  tags: defaulted(tags(), [], { scope: 'local', meaning: 'What `upstreams.<name>.tag` looks at.' }),
  meta: defaulted(meta(), {}, { scope: 'local', meaning: 'Metadata.' }),
  zone: optional(text('text'), 'none', { scope: 'local', meaning: 'Where it runs.' }),
  priority: defaulted(count(0, 15), 0, {
    scope: 'local',
    meaning: 'Its level: those of 0 are asked first, and the next level takes what too few healthy ones leave.',
  }),
});

const WORDS = `${HOST_PORT_WORDS}, or a map with address and port`;

/** `"host:port"` is the long form with nothing but an address and a port. */
export const staticEndpoint = z
  .union([hostPort(), longForm], { error: WORDS })
  .transform((written) =>
    'host' in written
      ? { ...written, weight: 1, tags: [], meta: {}, zone: null, priority: 0 }
      : (({ address, ...rest }) => ({ host: address, ...rest }))(written),
  );
