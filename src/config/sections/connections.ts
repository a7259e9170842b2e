import { DEFAULT_CONNECTIONS } from '../../net/connection-options.ts';
import { defaulted, section } from '../field.ts';
import { formatDuration } from '../units.ts';
import { count, duration } from '../values.ts';

const MOST_WARM = 1_000;
const MOST_IDLE = 10_000;
const MOST_REQUESTS = 1_000_000_000;

export const connectionsSection = section({
  warm: defaulted(count(0, MOST_WARM), DEFAULT_CONNECTIONS.warm, {
    scope: 'mesh',
    meaning:
      'Connections that are opened to each healthy endpoint ahead of requests, and kept open. 0, since every caller of a service would hold so many at each of its endpoints, whether it calls or not.',
  }),
  maxIdle: defaulted(count(0, MOST_IDLE), DEFAULT_CONNECTIONS.maxIdle, {
    scope: 'mesh',
    meaning:
      'Connections to one endpoint that wait for a request at a time. As many as one is given at once on a bad day, and few enough that a thousand endpoints are no burden.',
  }),
  maxRequests: defaulted(count(0, MOST_REQUESTS), DEFAULT_CONNECTIONS.maxRequests, {
    scope: 'mesh',
    meaning:
      'Requests that one connection carries at most, up to a fifth less at random; 0 is no bound, since a connection that works is better than a new one. For what stands between and balances connections.',
  }),
  maxAge: defaulted(duration({ zero: true }), formatDuration(DEFAULT_CONNECTIONS.maxAgeMs), {
    scope: 'mesh',
    meaning:
      'How long one connection is used at most, up to a fifth less at random; what runs on it then ends in its time. 0 is no bound, as for `maxRequests`.',
  }),
  drainTimeout: defaulted(duration({ zero: true }), formatDuration(DEFAULT_CONNECTIONS.drainTimeoutMs), {
    scope: 'mesh',
    meaning:
      'How long requests, streams and TCP connections may go on at an endpoint that is discovered no more; then they end with `max_duration`. 0 is without end, since an endpoint may be taken out of discovery and still work.',
  }),
});
