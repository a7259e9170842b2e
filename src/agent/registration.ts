import type { Clock } from '../base/clock.ts';
import type { ServiceConfig } from '../config/config.ts';
import { isIpAddress } from '../discovery/address.ts';
import type { Registered } from '../discovery/consul-api.ts';
import type { RegistrationOptions } from '../discovery/options.ts';
import type { Sockets } from '../net/sockets.ts';
import type { Entry } from './entry.ts';
import { knock } from './knock.ts';
import { isEverywhere } from './self.ts';

/**
 * What Consul is told of the local service: where peers are to send their calls, which is inbound's port when there is
 * one, and in which zone that is. A port that listens on every address is given none, and Consul then uses its agent's.
 * Null: somebody else registers it.
 */
export function registrationOptions(service: ServiceConfig, inbound: Entry | null): RegistrationOptions | null {
  const { id, name, tags, zone, register } = service;
  const meta = zone === null ? service.meta : { zone, ...service.meta };
  if (register === null) return null;
  const { address, port } = inbound ?? service;
  return { id, name, address: isEverywhere(address) ? '' : address, port, tags, meta, ttlMs: register.ttlMs };
}

const KNOCK_MS = 1_000;

/** Is there another sidecar behind a registration with our id, or only what an earlier run of this one has left? */
export async function isServed(
  { address, port }: Registered,
  application: Pick<ServiceConfig, 'address' | 'port'>,
  sockets: Sockets,
  clock: Clock,
): Promise<boolean> {
  const host = address === '' ? '127.0.0.1' : address;
  // Our own application, from a time when it had no inbound port in front of it.
  if (host === application.address && port === application.port) return false;
  // Inbound registers addresses, so a name is somebody's who had a reason.
  return !isIpAddress(host) || knock(sockets, clock, host, port, KNOCK_MS);
}
