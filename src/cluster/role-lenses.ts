import type { LensSpec } from './lens.ts';
import type { Balancer } from './picker.ts';
import type { Role } from './role.ts';

/** Who is asked to read. `any`: everybody, whatever the role. */
export const READ_PREFERENCES = ['prefer_replica', 'require_replica', 'primary', 'any'] as const;
export type ReadPreference = (typeof READ_PREFERENCES)[number];

export function roleKey(role: Role): string {
  return `role=${role}`;
}

/**
 * The parts of a cluster that roles make. Who has no role is in neither. `byKey` is the balancer of primaries where there
 * may be several: one key has one primary, and one next to it.
 */
export function roleLenses(read: ReadPreference, byKey: Balancer | null): readonly LensSpec[] {
  const primary: LensSpec = {
    key: roleKey('primary'),
    matches: ({ role }) => role === 'primary',
    otherwise: null,
    balancer: byKey === null ? null : () => byKey,
  };
  const replica: LensSpec = {
    key: roleKey('replica'),
    matches: ({ role }) => role === 'replica',
    otherwise: read === 'require_replica' ? null : primary.key,
    balancer: null,
  };
  return [primary, replica];
}
