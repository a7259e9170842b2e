import type { Random } from '../base/random.ts';
import type { BalancerOptions } from './options.ts';
import type { Balancer } from './picker.ts';
import { boundedLoad } from './pickers/bounded-load.ts';
import { ClientSideWrrBalancer } from './pickers/client-side-wrr.ts';
import { DEFAULT_FIRST, FirstFitBalancer } from './pickers/first-fit.ts';
import { DEFAULT_LEAST_REQUEST, LeastRequestBalancer } from './pickers/least-request.ts';
import { MaglevBalancer } from './pickers/maglev.ts';
import { P2cEwmaBalancer } from './pickers/p2c-ewma.ts';
import { RandomBalancer } from './pickers/random.ts';
import { RendezvousBalancer } from './pickers/rendezvous.ts';
import { RingHashBalancer } from './pickers/ring-hash.ts';
import { RoundRobinBalancer } from './pickers/round-robin.ts';
import { DEFAULT_REPORTED_WEIGHTS } from './reported-weight.ts';
import { SubsettingBalancer } from './subsetting.ts';

/** The balancer a configuration means. `caller` is who balances: it tells its subset from those of others. */
export function makeBalancer(options: BalancerOptions, random: Random, caller = ''): Balancer {
  const whole = makeWhole(options, random);
  return options.subsetSize === undefined ? whole : new SubsettingBalancer(whole, options.subsetSize, caller);
}

function makeWhole(options: BalancerOptions, random: Random): Balancer {
  const { leastRequest, first, reportedWeights } = options;
  switch (options.name) {
    case 'p2c_ewma':
      return new P2cEwmaBalancer(random);
    case 'least_request':
      return new LeastRequestBalancer(leastRequest ?? DEFAULT_LEAST_REQUEST, random);
    case 'round_robin':
      return new RoundRobinBalancer(random);
    case 'random':
      return new RandomBalancer(random);
    case 'first':
      return new FirstFitBalancer(first ?? DEFAULT_FIRST);
    case 'client_side_wrr':
      return new ClientSideWrrBalancer((reportedWeights ?? DEFAULT_REPORTED_WEIGHTS).updateMs, random);
    case 'ring_hash':
      return boundedLoad(new RingHashBalancer(random, options.ring), options.boundedLoad);
    case 'maglev':
      return boundedLoad(new MaglevBalancer(random, options.maglev), options.boundedLoad);
    case 'rendezvous':
      return new RendezvousBalancer(random);
  }
}
