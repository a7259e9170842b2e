import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { Cell, type Watch } from '../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource } from '../cluster/snapshot.ts';
import type { Config, ServiceConfig } from '../config/config.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';
import type { ConsulClient } from '../discovery/consul-client.ts';
import { ConsulKv } from '../discovery/consul-kv.ts';
import { ConsulSource } from '../discovery/consul-source.ts';
import { LastGoodSource } from '../discovery/last-good.ts';
import { DnsResolver } from '../discovery/name-resolver.ts';
import type { ConsulOptions } from '../discovery/options.ts';
import { ResolvingSource } from '../discovery/resolving-source.ts';
import { RoleSource } from '../discovery/role-source.ts';
import { Sources } from '../discovery/sources.ts';
import { type StaticServices, StaticSource } from '../discovery/static-source.ts';
import { type IsSelf, WithoutSelf } from '../discovery/without-self.ts';

/** The local application: one endpoint, or several where its address is a name that has several. */
export function followApplication(
  { name, address, port }: ServiceConfig,
  clock: Clock,
  random: Random,
  signal: AbortSignal,
): Watch<ClusterSnapshot> {
  const endpoint = { host: address, port, weight: 1, tags: [], meta: {}, zone: null, role: null };
  const services = new Cell<StaticServices>(clock, new Map([[name, [endpoint]]]));
  const source = new ResolvingSource(new StaticSource(services, clock), new DnsResolver(), clock, random);
  const query = {
    service: name,
    datacenter: null,
    namespace: null,
    tag: null,
    filter: null,
    connect: false,
    roles: null,
  };
  return source.follow(query, signal, 'cold');
}

/** The client is loaded when there is a Consul: a sidecar whose endpoints all stand in its file does without. */
export async function openConsul(options: ConsulOptions, clock: Clock): Promise<ConsulClient> {
  const { ConsulClient } = await import('../discovery/consul-client.ts');
  return new ConsulClient(options, clock);
}

/**
 * Where endpoints come from: the file's own list, or Consul remembered on disk; host names resolved in both, roles
 * told, and this sidecar left out.
 */
export function makeSources(
  settings: Watch<Config>,
  consul: ConsulApi | null,
  self: Watch<IsSelf>,
  clock: Clock,
  random: Random,
  log: Log,
): Sources {
  const config = settings.value!;
  const services = new Cell<StaticServices>(clock, config.static);
  settings.subscribe((next) => services.set(next.static));

  const resolver = new DnsResolver();
  const locks = consul === null ? null : new ConsulKv(consul, clock, random);
  const finished = (source: DiscoverySource): DiscoverySource =>
    new WithoutSelf(new RoleSource(new ResolvingSource(source, resolver, clock, random), locks, log), self, log);
  const file = finished(new StaticSource(services, clock));
  if (consul === null) return new Sources(services, file, null);
  const live = new ConsulSource(consul, clock, random, log);
  const { stateDir } = config;
  const { address, datacenter, namespace } = config.consul!;
  const origin = JSON.stringify([address, datacenter, namespace]);
  const kept = stateDir === null ? live : new LastGoodSource(live, stateDir, origin, clock, log);
  return new Sources(services, file, finished(kept));
}
