import type { ServiceConfig } from '../config/config.ts';
import type { RegistrationOptions } from '../discovery/options.ts';
import type { Entry } from './entry.ts';
import { isEverywhere } from './self.ts';

/**
 * What Consul is told of the local service: where peers are to send their calls, which is inbound's port when there is
 * one. A port that listens on every address is given none, and Consul then uses its agent's. Null: somebody else
 * registers it.
 */
export function registrationOptions(service: ServiceConfig, inbound: Entry | null): RegistrationOptions | null {
  const { id, name, tags, meta, register } = service;
  if (register === null) return null;
  const { address, port } = inbound ?? service;
  return { id, name, address: isEverywhere(address) ? '' : address, port, tags, meta, ttlMs: register.ttlMs };
}
