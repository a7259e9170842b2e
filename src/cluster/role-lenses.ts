import type { LensSpec } from './lens.ts';
import type { Balancer } from './picker.ts';
import { type FreshOptions, FreshReplicas } from './pickers/fresh-replicas.ts';
import type { Role } from './role.ts';

/** Who is asked to read. `any`: everybody, whatever the role. */
export const READ_PREFERENCES = ['prefer_replica', 'require_replica', 'primary', 'any'] as const;
export type ReadPreference = (typeof READ_PREFERENCES)[number];

/** Of those that read from `any`. */
export const EVERYONE = 'role=any';

export function roleKey(role: Role): string {
  return `role=${role}`;
}

/**
 * The parts of a cluster that roles make. Who has no role is neither primary nor replica. `byKey` is the balancer of
 * primaries where there may be several: one key has one primary, and one next to it. `fresh`: readers are chosen by how
 * fresh they are; null: all alike.
 */
export function roleLenses(
  read: ReadPreference,
  byKey: Balancer | null,
  fresh: FreshOptions | null,
): readonly LensSpec[] {
  const ofReaders: Pick<LensSpec, 'balancer' | 'revision'> =
    fresh === null
      ? { balancer: null }
      : {
          balancer: (own) => new FreshReplicas(own, fresh),
          revision: `lag<=${fresh.maxLagMs} keep=${fresh.minEndpoints}`,
        };
  const primary: LensSpec = {
    key: roleKey('primary'),
    matches: ({ role }) => role === 'primary',
    otherwise: null,
    balancer: byKey === null ? null : () => byKey,
    // A primary that is sick among the healthy may be about to lose its role: a write that it takes now may be lost.
    // When all are sick it is discovery that is in doubt.
    peers: () => true,
  };
  const replica: LensSpec = {
    key: roleKey('replica'),
    matches: ({ role }) => role === 'replica',
    otherwise: read === 'require_replica' ? null : primary.key,
    ...ofReaders,
  };
  const everyone: LensSpec = { key: EVERYONE, matches: () => true, otherwise: null, ...ofReaders };
  return read === 'any' ? [primary, replica, everyone] : [primary, replica];
}
