import { isHashing } from '../cluster/hashing-options.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import { valueAt } from './paths.ts';
import type { Written } from './schema.ts';

type WrittenUpstream = Written['upstreams'][string];
type WrittenTarget = WrittenUpstream['failover'][number];

/** What subsets, failover targets and zones must not say together. */
export function placeConflicts(config: Written, name: string, upstream: WrittenUpstream): Contradiction[] {
  const path = ['upstreams', name];
  return [
    ...unknownSubset([...path, 'subset'], upstream.subset, name, upstream),
    ...upstream.failover.flatMap((target, i) => {
      const at = [...path, 'failover', i];
      return [
        ...unknownSubset([...at, 'subset'], target.subset, name, upstream),
        ...targetSource(at, target, config, name, upstream),
        ...repeatedTarget(at, i, name, upstream),
      ];
    }),
    ...priorities(config, name, upstream),
    ...preferredZone(config, name, upstream),
  ];
}

/** Every service an upstream may call, as far as what is written can be read. */
export function servicesOf(name: string, upstream: unknown): string[] {
  const service = valueAt(upstream, ['service']);
  const targets = valueAt(upstream, ['failover']);
  const others = Array.isArray(targets) ? targets.map((target) => valueAt(target, ['service'])) : [];
  return [service, ...others.filter((other) => typeof other === 'string')].map((one) =>
    typeof one === 'string' ? one : name,
  );
}

function unknownSubset(
  path: Path,
  subset: string | null,
  name: string,
  { subsets }: WrittenUpstream,
): readonly Contradiction[] {
  if (subset === null || Object.hasOwn(subsets, subset)) return [];
  const known = Object.keys(subsets);
  const expected =
    known.length === 0 ? `a name of upstreams.${name}.subsets, which is empty` : `one of ${known.join(', ')}`;
  return [contradiction(path, JSON.stringify(subset), expected, null, [['upstreams', name, 'subsets']])];
}

function targetSource(
  at: Path,
  { service, datacenter }: WrittenTarget,
  config: Written,
  name: string,
  upstream: WrittenUpstream,
): readonly Contradiction[] {
  const meant = service ?? upstream.service ?? name;
  if (Object.hasOwn(config.static, meant)) {
    if (datacenter === null) return [];
    const found = 'datacenter for a service that is static';
    return [
      contradiction([...at, 'datacenter'], found, 'no datacenter, which only Consul knows', null, [['static', meant]]),
    ];
  }
  if (config.consul !== null || service === null) return [];
  const expected = `endpoints under static.${meant}, or consul`;
  return [contradiction([...at, 'service'], 'no source of endpoints', expected, null, [['static', meant], ['consul']])];
}

/** The same question again: its answers would change nothing. */
function repeatedTarget(at: Path, index: number, name: string, upstream: WrittenUpstream): readonly Contradiction[] {
  const { failover } = upstream;
  const own = { subset: null, service: null, datacenter: null };
  const meant = [own, ...failover.slice(0, index)].map((target) => meaningOf(target, name, upstream));
  const before = meant.indexOf(meaningOf(failover[index]!, name, upstream));
  if (before === -1) return [];
  const found = before === 0 ? 'the upstream itself' : `what failover[${before - 1}] says`;
  return [contradiction(at, found, 'another place to go to', null, [['upstreams', name, 'subset']])];
}

function meaningOf(target: WrittenTarget, name: string, upstream: WrittenUpstream): string {
  const own = upstream.service ?? name;
  const service = target.service ?? own;
  const subset = target.subset ?? (service === own ? upstream.subset : null);
  return JSON.stringify([service, subset, target.datacenter ?? upstream.datacenter]);
}

/** Levels are what failover makes; two orders of them would have to be one. */
function priorities({ static: services }: Written, name: string, upstream: WrittenUpstream): readonly Contradiction[] {
  if (upstream.failover.length === 0) return [];
  const own = [upstream.service ?? name, ...upstream.failover.map(({ service }) => service)];
  const ranked = own.find(
    (service) =>
      service !== null && Object.hasOwn(services, service) && services[service]!.some((one) => one.priority > 0),
  );
  if (ranked == null) return [];
  const found = `failover beside priorities in static.${ranked}`;
  return [contradiction(['upstreams', name, 'failover'], found, 'one of the two', null, [['static', ranked]], 'key')];
}

function preferredZone(
  { service, consul }: Written,
  name: string,
  { zones, balance: balancer }: WrittenUpstream,
): readonly Contradiction[] {
  if (zones.mode !== 'prefer') return [];
  const path = ['upstreams', name, 'zones', 'mode'];
  if (isHashing(balancer)) {
    const expected = 'no zones.mode, since all sidecars must agree on a key';
    return [contradiction(path, `prefer with balancer ${balancer}`, expected, null, [['upstreams', name, 'balance']])];
  }
  if (service.zone !== null || consul !== null) return [];
  const expected = 'service.zone, or consul, whose agent may know it';
  return [contradiction(path, 'prefer without a zone of our own', expected, null, [['service', 'zone'], ['consul']])];
}
