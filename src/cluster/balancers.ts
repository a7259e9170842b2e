import type { Random } from '../base/random.ts';
import type { BalancerOptions } from './options.ts';
import type { Balancer } from './picker.ts';
import { LeastRequestBalancer } from './pickers/least-request.ts';
import { P2cEwmaBalancer } from './pickers/p2c-ewma.ts';
import { RandomBalancer } from './pickers/random.ts';
import { RingHashBalancer } from './pickers/ring-hash.ts';
import { RoundRobinBalancer } from './pickers/round-robin.ts';

/** The balancer a configuration means. */
export function makeBalancer({ name }: BalancerOptions, random: Random): Balancer {
  switch (name) {
    case 'p2c_ewma':
      return new P2cEwmaBalancer(random);
    case 'least_request':
      return new LeastRequestBalancer(random);
    case 'round_robin':
      return new RoundRobinBalancer(random);
    case 'random':
      return new RandomBalancer(random);
    case 'ring_hash':
      return new RingHashBalancer(random);
  }
}
