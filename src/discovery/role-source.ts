import { whenAborted } from '../base/abort.ts';
import type { Log } from '../base/log.ts';
import { KeptWatch, type Watch } from '../base/watch.ts';
import { parseLag } from '../cluster/lag.ts';
import { type Role, type RoleRule, roleAmong } from '../cluster/role.ts';
import type { ClusterSnapshot, DiscoverySource, EndpointSpec, ServiceQuery, Start } from '../cluster/snapshot.ts';
import type { KvDocument, KvSource } from './kv.ts';
import { PrimaryClaims } from './primary-claims.ts';

/**
 * Another source whose endpoints have their roles, where the question asks for them.
 *
 * A role is decided here and stands in the snapshot, so that a primary that moves is one snapshot and one swap: there
 * is no moment at which a write could meet the old one and the new one by turns. Where the rule knows one primary,
 * there is never more than one in a snapshot (`PrimaryClaims`); who claims it in vain has no role, since what it holds
 * is in doubt.
 *
 * A lock is followed by itself and joined here. Until its key has been read, and while no session holds it, there is no
 * primary and all are replicas.
 */
export class RoleSource implements DiscoverySource {
  constructor(
    private readonly inner: DiscoverySource,
    /** Null without Consul; then nobody asks for a lock. */
    private readonly locks: KvSource | null,
    private readonly log: Log,
  ) {}

  follow(query: ServiceQuery, signal: AbortSignal, start: Start): Watch<ClusterSnapshot> {
    const listed = this.inner.follow(query, signal, start);
    const { roles } = query;
    if (roles === null) return listed;
    const { from } = roles;
    const lock = from.kind === 'lock' && this.locks !== null ? this.locks.follow(from.key, signal) : null;
    const watch = new RoleWatch(listed, lock, roles, this.log);
    whenAborted(signal, () => watch.stop());
    return watch;
  }
}

class RoleWatch extends KeptWatch<ClusterSnapshot> {
  private readonly claims = new PrimaryClaims();
  private doubt: string | null = null;
  private readonly unsubscribe: readonly (() => void)[];

  constructor(
    private readonly listed: Watch<ClusterSnapshot>,
    private readonly lock: Watch<KvDocument> | null,
    private readonly rule: RoleRule,
    private readonly log: Log,
  ) {
    super();
    const stopLock = lock === null ? () => undefined : lock.subscribe(() => this.judgeAnew());
    this.unsubscribe = [stopLock, listed.subscribe((snapshot) => this.take(snapshot))];
  }

  override get freshAt(): number {
    return this.listed.freshAt;
  }

  override get problem(): string | null {
    return this.listed.problem ?? this.lock?.problem ?? this.doubt;
  }

  stop(): void {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
  }

  private judgeAnew(): void {
    if (this.value !== null) this.take(this.listed.value!);
  }

  private take(snapshot: ClusterSnapshot): void {
    const holder = this.holder();
    const told = snapshot.endpoints.map((spec) => ({
      ...spec,
      role: roleOf(spec, this.rule, holder),
      ...lagOf(spec, this.rule),
    }));
    const endpoints = this.rule.kind === 'primary_replica' ? this.withOnePrimary(told, snapshot.service) : told;
    this.doubtOf(endpoints, holder, snapshot.service);
    this.keep({ ...snapshot, endpoints });
  }

  /** What the lock says while it is held. */
  private holder(): string | null {
    const document = this.lock?.value ?? null;
    return document?.isHeld && document.text !== null ? document.text.trim() : null;
  }

  private withOnePrimary(told: readonly EndpointSpec[], service: string): readonly EndpointSpec[] {
    const before = this.claims.primary;
    const primary = this.claims.judge(told.filter(({ role }) => role === 'primary'));
    if (primary !== before) this.log.info('primary_changed', { service, from: before, to: primary });
    return told.map((spec) => (spec.role === 'primary' && spec.id !== primary ? { ...spec, role: null } : spec));
  }

  private doubtOf(endpoints: readonly EndpointSpec[], holder: string | null, service: string): void {
    const { rivalry, primary } = this.claims;
    let doubt: string | null = null;
    if (rivalry.length > 0) doubt = `${rivalry.length} endpoints claim to be the primary; ${primary} is believed`;
    else if (holder !== null && !endpoints.some(({ role }) => role === 'primary')) {
      doubt = `the lock names ${JSON.stringify(holder.slice(0, 80))}, which is no endpoint of ${service}`;
    }
    if (doubt !== null && doubt !== this.doubt)
      this.log.warn('primary_in_doubt', { service, doubt, claims: rivalry.join() });
    this.doubt = doubt;
  }
}

function roleOf(spec: EndpointSpec, rule: RoleRule, holder: string | null): Role | null {
  const { from } = rule;
  switch (from.kind) {
    case 'tag':
      return roleAmong(spec.tags, rule);
    case 'meta':
      return roleAmong([spec.meta[from.key] ?? ''], rule);
    case 'check':
      return spec.role;
    case 'lock':
      return holder !== null && isCalled(spec, holder) ? 'primary' : 'replica';
  }
}

/** What a check says of it stands in the spec already. */
function lagOf({ meta }: EndpointSpec, { lag }: RoleRule): Pick<EndpointSpec, 'lagMs'> {
  const lagMs = lag?.kind === 'meta' ? parseLag(meta[lag.key] ?? '') : null;
  return lagMs === null ? {} : { lagMs };
}

/** By the id of its service, or by its address and port. */
function isCalled({ id, host, port }: EndpointSpec, name: string): boolean {
  return name === id.slice(id.indexOf('/') + 1) || name === `${host}:${port}` || name === `[${host}]:${port}`;
}
