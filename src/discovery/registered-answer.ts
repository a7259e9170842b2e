import { checkIdOf, maintenanceIdOf, type Registered } from './consul-api.ts';
import { ConsulError } from './consul-error.ts';

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
