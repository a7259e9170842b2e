import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { Cell, type Watch } from '../base/watch.ts';
import type { DiscoverySource } from '../cluster/snapshot.ts';
import type { Config } from '../config/config.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';
import { ConsulSource } from '../discovery/consul-source.ts';
import { LastGoodSource } from '../discovery/last-good.ts';
import { DnsResolver } from '../discovery/name-resolver.ts';
import { ResolvingSource } from '../discovery/resolving-source.ts';
import { Sources } from '../discovery/sources.ts';
import { type StaticServices, StaticSource } from '../discovery/static-source.ts';

/** Where endpoints come from: the file's own list, or Consul remembered on disk; host names resolved in both. */
export function makeSources(
  settings: Watch<Config>,
  consul: ConsulApi | null,
  clock: Clock,
  random: Random,
  log: Log,
): Sources {
  const config = settings.value!;
  const services = new Cell<StaticServices>(clock, config.static);
  settings.subscribe((next) => services.set(next.static));

  const resolver = new DnsResolver();
  const resolved = (source: DiscoverySource): DiscoverySource => new ResolvingSource(source, resolver, clock, random);
  const file = resolved(new StaticSource(services, clock));
  if (consul === null) return new Sources(services, file, null);
  const live = new ConsulSource(consul, clock, random, log);
  const { stateDir } = config;
  const kept = stateDir === null ? live : new LastGoodSource(live, stateDir, config.consul!.address, clock, log);
  return new Sources(services, file, resolved(kept));
}
