import { z } from 'zod';
import { defaulted, optional, required, section } from '../field.ts';
import { choice, duration, host, name, port, text } from '../values.ts';

const tag = () => text('text');
const META_KEY = /^[A-Za-z0-9_-]{1,128}$/;
const META_KEY_WORDS = 'a key of letters, digits, "-" and "_" (Consul takes no others)';

export const tags = () => z.array(tag(), { error: 'a list of texts' });

export const meta = () =>
  z.record(z.string().regex(META_KEY, { error: META_KEY_WORDS }), z.string({ error: 'text' }), {
    error: 'a map of texts',
  });

export const serviceSection = section({
  name: required(name(), {
    scope: 'local',
    meaning: 'The service this sidecar stands beside, as Consul and traces name it.',
  }),
  id: optional(text('text'), 'the name', {
    scope: 'local',
    meaning:
      'Must be unique on its Consul agent; set it when two instances share a machine, or only the first is registered.',
  }),
  address: defaulted(host(), '127.0.0.1', { scope: 'local', meaning: 'Where the local application listens.' }),
  port: required(port(), { scope: 'local', meaning: 'The port of the local application.' }),
  protocol: defaulted(choice(['auto', 'http', 'http2', 'grpc']), 'auto', {
    scope: 'local',
    meaning:
      'What is spoken to the application behind `inbound`: `http` (HTTP/1.1), `http2` (by prior knowledge), `grpc` (the same, and every request counts as a call in metrics), `auto` (what the caller speaks). Callers spoke to the application before remora stood between them, so `auto` changes nothing that worked.',
  }),
  zone: optional(text('text'), "the Consul agent's: its `zone` in the node's meta", {
    scope: 'local',
    meaning:
      'Where this sidecar runs, and the `zone` in the meta that it registers. Calls stay in its zone as far as that has room; see `upstreams.<name>.zones`.',
  }),
  tags: defaulted(tags(), [], { scope: 'local', meaning: 'Tags it is registered with.' }),
  meta: defaulted(meta(), {}, { scope: 'local', meaning: 'Metadata it is registered with.' }),
  register: optional(
    section({
      ttl: defaulted(duration({ least: 1_000 }), '15s', {
        scope: 'local',
        meaning:
          'Consul calls the service critical when it has not heard from remora for this long: three missed heartbeats of 5 s.',
      }),
    }),
    'somebody else registers it',
    { scope: null, meaning: 'Register the service in Consul, and deregister it on shutdown.' },
  ),
});
