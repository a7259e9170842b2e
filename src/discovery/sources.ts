import type { Watch } from '../base/watch.ts';
import type { DiscoverySource } from '../cluster/snapshot.ts';
import type { StaticServices } from './static-source.ts';

/**
 * Which source answers for a service: the file for a name under `static` and for no other, else Consul. Null where
 * neither can; the configuration has refused such a name before it gets here.
 */
export class Sources {
  constructor(
    private readonly services: Watch<StaticServices>,
    private readonly file: DiscoverySource,
    private readonly consul: DiscoverySource | null,
  ) {}

  pick(service: string): DiscoverySource | null {
    return this.services.value?.has(service) ? this.file : this.consul;
  }
}
