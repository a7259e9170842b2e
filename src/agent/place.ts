import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import { Cell, type Watch } from '../base/watch.ts';
import type { ClusterSnapshot, EndpointSpec } from '../cluster/snapshot.ts';
import type { ServiceConfig } from '../config/config.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';
import { ConsulError, describeError } from '../discovery/consul-error.ts';
import type { Sources } from '../discovery/sources.ts';
import type { IsSelf } from '../discovery/without-self.ts';

/** Where this sidecar runs, and its siblings. */
export interface Place {
  /** Null: unknown, and zones mean nothing. */
  readonly zone: string | null;
  /** How many instances of the service call from each zone, this one included; null: unknown. */
  readonly callers: ReadonlyMap<string, number> | null;
}

export const NOWHERE: Place = { zone: null, callers: null };

const HINT = 'set service.zone, or let the token read the agent; until then calls go to all zones alike';
const RETRY_MS = 5_000;
const MAX_RETRY_MS = 60_000;

/** What of the process is needed to find out. */
interface Seeker {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Where this sidecar runs: what its file says, else what the local Consul agent says of itself, once it answers. Where
 * there is a zone, Consul is asked for the siblings too, since the share of a zone depends on who calls from it.
 */
export function followPlace(
  { name, zone }: Pick<ServiceConfig, 'name' | 'zone'>,
  consul: ConsulApi | null,
  sources: Sources,
  self: Watch<IsSelf>,
  seeker: Seeker,
  signal: AbortSignal,
): Watch<Place> {
  const place = new Cell<Place>(seeker.clock, { zone, callers: null });
  const settle = (found: string | null): void => {
    const source = sources.pick(name);
    if (found === null || source === null || signal.aborted) return;
    place.set({ zone: found, callers: null });
    const any = { datacenter: null, namespace: null, tag: null, filter: null, roles: null };
    const query = { service: name, connect: false, ...any };
    countCallers(place, found, source.follow(query, signal, 'cold'), self);
  };
  if (zone !== null) settle(zone);
  else if (consul !== null) void askZone(consul, seeker, signal).then(settle);
  return place;
}

/** Until it answers. Who may not ask is told so, and asks no more than once a minute. */
async function askZone(consul: ConsulApi, { clock, random, log }: Seeker, signal: AbortSignal): Promise<string | null> {
  for (let tries = 0; !signal.aborted; tries++) {
    try {
      return await consul.zone(signal);
    } catch (error) {
      if (signal.aborted) break;
      if (tries === 0) log.warn('zone_unknown', { problem: describeError(error), hint: HINT });
      const isLasting = error instanceof ConsulError && error.isLasting;
      const delayMs = isLasting ? MAX_RETRY_MS : Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(tries, 10));
      await sleep(clock, delayMs * (0.5 + random.next() / 2), signal);
    }
  }
  return null;
}

/** Nobody listed at all is no count: then the service is not in Consul. */
function countCallers(place: Cell<Place>, zone: string, siblings: Watch<ClusterSnapshot>, self: Watch<IsSelf>): void {
  const count = (): void => {
    const endpoints = siblings.value?.endpoints ?? [];
    const callers = endpoints.length === 0 ? null : callersOf(endpoints, zone, self.value);
    if (!isDeepStrictEqual(callers, place.value?.callers ?? null)) place.set({ zone, callers });
  };
  siblings.subscribe(count);
  self.subscribe(count);
}

/** This sidecar counts too; discovery leaves it out while there are others. */
function callersOf(endpoints: readonly EndpointSpec[], own: string, isSelf: IsSelf | null) {
  const callers = new Map([[own, 1]]);
  for (const spec of endpoints) {
    if (spec.zone === null || isSelf?.(spec) || (spec.health !== 'passing' && spec.health !== 'warning')) continue;
    callers.set(spec.zone, (callers.get(spec.zone) ?? 0) + 1);
  }
  return callers;
}
