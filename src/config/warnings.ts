import { roleAmong } from '../cluster/role.ts';
import { isOf } from '../route/shards/shard-lenses.ts';
import { shardsOf } from '../route/shards/shard-options.ts';
import type { Config, StaticEndpoint, UpstreamConfig } from './config.ts';
import { pastFaults } from './fault-rules.ts';
import { routeWarnings } from './route-warnings.ts';
import { formatDuration } from './units.ts';

/**
 * What is no contradiction and still rarely meant: it depends on where others run, which no file says. `check` prints
 * these lines and a start logs them; neither is stopped by them.
 */
export function warningsOf(config: Config, wallMs = 0): string[] {
  const ofUpstreams = [...config.upstreams.values()].flatMap((upstream) => [
    ...cookieForAll(upstream),
    ...longHolds(upstream),
    ...nobody(upstream, config.static.get(upstream.service) ?? []),
  ]);
  return [
    ...registeredLoopback(config),
    ...manyServices(config),
    ...ofUpstreams,
    ...routeWarnings(config),
    ...pastFaults(config, wallMs),
  ];
}

/**
 * Consul hands the address on to peers, and those on other machines would call themselves. Where its agent is says
 * nothing of where they are: one on every machine, asked over loopback, is how Consul is meant to be run.
 */
function registeredLoopback({ service, inbound, consul }: Config): string[] {
  if (service.register === null || consul === null) return [];
  const { address } = inbound ?? service;
  if (!isLoopback(address)) return [];
  const key = inbound === null ? 'service.address' : 'inbound.address';
  return [
    `${key} is ${address}, and service.register tells Consul so: callers on other machines will not reach it; ` +
      `unless all of them are on this one, set ${key} to an address of this machine, or to 0.0.0.0 for the one of Consul's agent`,
  ];
}

/** Half of what an agent takes, since it is seldom asked by one sidecar alone. */
const MANY_SERVICES = 100;

/** What is beyond its limit an agent closes without a word, heartbeats and operators' commands included. */
function manyServices({ consul, upstreams, static: services }: Config): string[] {
  const asked = new Set([...upstreams.values()].map(({ service }) => service).filter((name) => !services.has(name)));
  if (consul === null || asked.size <= MANY_SERVICES) return [];
  return [
    `upstreams: ${asked.size} services are followed in Consul by a connection each, and an agent takes 200 of one address, ` +
      'those of all sidecars there together; raise its limits.http_max_conns_per_client, or call fewer',
  ];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Keys count together, and one that is made is another one for each request of a client that does not send it back. */
function cookieForAll({ name, hash }: UpstreamConfig): string[] {
  const made = (hash ?? []).findIndex((key) => key.kind === 'cookie' && key.made !== null);
  const before = (hash ?? []).slice(0, Math.max(0, made));
  const [key, cookie] = [before[0], (hash ?? [])[made]];
  if (key === undefined || cookie?.kind !== 'cookie' || before.some(({ terminal }) => terminal)) return [];
  const what = key.kind === 'header' ? `header ${key.name}` : key.kind;
  return [
    `upstreams.${name}.hash: a client that keeps no cookies gets another endpoint each time, whatever its ${what} says, ` +
      `since cookie ${cookie.name} is made anew and counts too; if it is meant for clients without the ${key.kind}, ` +
      `give the ${key.kind} terminal: true`,
  ];
}

/** A request has one deadline, whatever it waits for. */
function longHolds({ name, roles, shards, timeouts: { requestMs } }: UpstreamConfig): string[] {
  const holds: readonly (readonly [key: string, ms: number])[] = [
    ['roles.hold.time', roles?.hold.timeMs ?? 0],
    ['shards.hold', shards?.holdMs ?? 0],
  ];
  const limit = formatDuration(requestMs);
  return holds
    .filter(([, ms]) => requestMs > 0 && ms > requestMs)
    .map(
      ([key, ms]) =>
        `upstreams.${name}.${key} is ${formatDuration(ms)} and timeouts.request ${limit}: ` +
        `a request that is held ends after ${limit}, as deadline_exceeded`,
    );
}

/** What discovery may still bring, the file cannot: its endpoints are all there are. */
function nobody(
  { name, service, roles, shards, failover }: UpstreamConfig,
  endpoints: readonly StaticEndpoint[],
): string[] {
  if (endpoints.length === 0 || failover.length > 0) return [];
  const lines: string[] = [];
  const from = roles?.rule.from;
  const words = ({ tags, meta }: StaticEndpoint): readonly string[] =>
    from?.kind === 'meta' ? [meta[from.key] ?? ''] : tags;
  if (roles !== null && !endpoints.some((one) => roleAmong(words(one), roles.rule) === 'primary')) {
    lines.push(`upstreams.${name}.roles: no endpoint of static.${service} is a primary; writes wait and are refused`);
  }
  const missing =
    shards === null
      ? []
      : shardsOf(shards.map).filter((shard) => !endpoints.some((one) => isOf(one, shards.by, shard)));
  if (missing.length > 0) {
    lines.push(
      `upstreams.${name}.shards: no endpoint of static.${service} is of shard ${missing.join(', ')}; its requests are refused`,
    );
  }
  return lines;
}
