import { isDeepStrictEqual } from 'node:util';
import type { Role } from '../cluster/role.ts';
import type { ListenAddress, UpstreamConfig } from '../config/config.ts';
import type { Placement } from '../proxy/placement.ts';
import { FixedRouter } from '../route/routers.ts';
import { Entry } from './entry.ts';
import type { Parts } from './parts.ts';
import { atRole, type LivePlan, placedBy } from './plans.ts';
import { type PortProtocol, portProtocolOf } from './protocols.ts';

interface RolePort {
  readonly entry: Entry;
  readonly router: FixedRouter;
  readonly listen: ListenAddress;
  readonly protocol: PortProtocol;
}

const ROLES: readonly Role[] = ['primary', 'replica'];

/** Between the opening of a port and the first plan for it. */
const NOT_YET: Placement = { place: () => 'discovery_pending', mark: () => undefined };

/**
 * The ports of an upstream that lead to one role each, for what cannot be told apart by looking at it. They are opened
 * before anything is given up for them; one that is to be elsewhere is opened there first.
 */
export class RolePorts {
  private open: ReadonlyMap<Role, RolePort> = new Map();

  constructor(private readonly parts: Parts) {}

  get entries(): readonly Entry[] {
    return [...this.open.values()].map(({ entry }) => entry);
  }

  /** Is each where it is wanted, and no other? */
  isInPlace(config: UpstreamConfig): boolean {
    return ROLES.every((role) => {
      const wanted = config.roles?.listen[role] ?? null;
      return wanted === null ? !this.open.has(role) : this.kept(role, config) !== null;
    });
  }

  /**
   * Opens what is not there. Rejects with a `ListenError`, and then nothing has changed. `take` puts the answer in
   * force.
   */
  async prepare(config: UpstreamConfig, plan: LivePlan): Promise<ReadonlyMap<Role, RolePort>> {
    const next = new Map<Role, RolePort>();
    try {
      for (const role of ROLES) {
        const listen = config.roles?.listen[role] ?? null;
        if (listen !== null)
          next.set(role, this.kept(role, config) ?? (await this.openOne(role, listen, config, plan)));
      }
    } catch (error) {
      this.discard(next);
      throw error;
    }
    return next;
  }

  /** Gives up those that are not among them. */
  take(next: ReadonlyMap<Role, RolePort>): void {
    const before = this.open;
    this.open = next;
    const kept = new Set(next.values());
    for (const port of before.values()) if (!kept.has(port)) this.parts.leaving.take(port.entry);
    const known = new Set(before.values());
    for (const port of next.values()) if (!known.has(port)) port.entry.announce(this.parts.log);
  }

  /** Gives up what was prepared and is not in force. */
  discard(prepared: ReadonlyMap<Role, RolePort>): void {
    const inForce = new Set(this.open.values());
    for (const port of prepared.values()) if (!inForce.has(port)) this.parts.leaving.take(port.entry);
  }

  /** Follows the upstream to a new plan. */
  replace(plan: LivePlan): void {
    if (plan.roles === null) return;
    for (const [role, { router }] of this.open) router.replace(atRole(plan, plan.roles, role));
  }

  close(): void {
    this.take(new Map());
  }

  private kept(role: Role, config: UpstreamConfig): RolePort | null {
    const port = this.open.get(role);
    if (port === undefined || port.protocol !== portProtocolOf(config.protocol)) return null;
    return isDeepStrictEqual(port.listen, config.roles?.listen[role]) ? port : null;
  }

  private async openOne(role: Role, listen: ListenAddress, config: UpstreamConfig, plan: LivePlan): Promise<RolePort> {
    const router = new FixedRouter(placedBy(plan, NOT_YET));
    const protocol = portProtocolOf(config.protocol);
    // No upstream is called so: their names have no dots.
    const options = { name: `${config.name}.${role}`, direction: 'outbound', ...listen } as const;
    const entry = await Entry.open(this.parts, options, protocol, this.parts.overrides.before(router));
    return { entry, router, listen, protocol };
  }
}
