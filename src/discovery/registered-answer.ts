import { checkIdOf, maintenanceIdOf, type Registered, type RegisteredSidecar } from './consul-api.ts';
import { ConsulError } from './consul-error.ts';

/** Of the TTL check that a registration makes: what tells services with a sidecar from others. */
export const CHECK_NAME = 'remora';

/** What agents write into the output of a TTL check that ran out; an output that a program tells takes its place. */
const EXPIRED = 'TTL expired';

/** The agent's answer about one of its services by id. Only what tells whose it is must be there. */
export function decodeRegistered(body: unknown, serviceId: string): Registered {
  const { Service, Checks } = (body ?? {}) as { readonly Service?: unknown; readonly Checks?: unknown };
  const { Address = '', Port = 0 } = (Service ?? {}) as { readonly Address?: unknown; readonly Port?: unknown };
  if (typeof Service !== 'object' || Service === null || typeof Address !== 'string' || typeof Port !== 'number') {
    throw new ConsulError('the answer about the registration holds no service');
  }
  const checks: readonly unknown[] = Array.isArray(Checks) ? Checks : [];
  return { address: Address, port: Port, isForsaken: checks.some((check) => isFarewell(check, serviceId)) };
}

function isFarewell(check: unknown, serviceId: string): boolean {
  const { CheckID, Status, Output } = (check ?? {}) as Readonly<Record<string, unknown>>;
  if (CheckID === maintenanceIdOf(serviceId)) return true;
  return (
    CheckID === checkIdOf(serviceId) &&
    Status === 'critical' &&
    typeof Output === 'string' &&
    Output.startsWith(EXPIRED)
  );
}

/** Checks of the whole datacenter. Older Consuls do not filter them, so it is done here too. */
export function decodeSidecars(body: unknown): readonly RegisteredSidecar[] {
  if (!Array.isArray(body)) throw new ConsulError('health/state: expected a list');
  return body.flatMap((check) => {
    const { Name, Node, ServiceID, ServiceName } = (check ?? {}) as Readonly<Record<string, unknown>>;
    if (Name !== CHECK_NAME || typeof ServiceID !== 'string' || typeof ServiceName !== 'string') return [];
    return [{ service: ServiceName, id: ServiceID, node: String(Node) }];
  });
}
