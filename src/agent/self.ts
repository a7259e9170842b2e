import { hostname, networkInterfaces } from 'node:os';
import type { IsSelf } from '../discovery/without-self.ts';

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Does a port that is bound to this address accept on every address of the machine? */
export function isEverywhere(address: string): boolean {
  return EVERYWHERE.has(address);
}

/**
 * Which endpoints are the inbound port of this sidecar: those to which a connection would end there, whoever has
 * registered them and by whatever id. An id is no help, since Consul knows the same one once per node. An address that
 * only leads here by translation, as a container's may, is not recognised.
 */
export function selfAt(inbound: { readonly address: string; readonly port: number }, addresses = ownAddresses): IsSelf {
  const { address, port } = inbound;
  return (endpoint) => {
    if (endpoint.port !== port) return false;
    if (!isEverywhere(address)) return endpoint.host === address;
    return /^127\./.test(endpoint.host) || addresses().has(endpoint.host);
  };
}

/** Asked anew each time: a machine may get addresses as it runs. */
function ownAddresses(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)));
}

/**
 * This sidecar's name among all that call: the same after a restart, and another than any neighbour's. An id is unique
 * on its machine only, and need not be where nobody registers it, so the machine and the port are part of it.
 */
export function callerName(service: { readonly id: string; readonly port: number }, machine = hostname()): string {
  return `${service.id}@${machine}:${service.port}`;
}
