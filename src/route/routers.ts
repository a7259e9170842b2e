import { ownText } from '../base/own-text.ts';
import type { RequestHead } from '../http/head.ts';
import type { Plan, Router } from '../proxy/plan.ts';
import { type HostName, parseHost } from './host.ts';

/** A listener that belongs to one upstream: everything goes there, whatever its Host. */
export class FixedRouter implements Router {
  constructor(private plan: Plan) {}

  /** Exchanges that run keep the plan they began with. */
  replace(plan: Plan): void {
    this.plan = plan;
  }

  route(): Plan {
    return this.plan;
  }

  routeTunnel(): Plan {
    return this.plan;
  }
}

/** A declared upstream as the shared port sees it. */
export interface Declared {
  readonly plan: Plan;
  readonly tag: string | null;
  readonly datacenter: string | null;
}

/** Services that are not declared: found on first use, within bounds. */
export interface Undeclared {
  find(name: HostName): Plan | null;
}

export const NOTHING_UNDECLARED: Undeclared = { find: () => null };

/** The answers that are remembered; the name of a host is read once and not with every request. */
const MAX_REMEMBERED = 1024;

/**
 * The shared outbound port: the Host of a request names the upstream. A tag or datacenter in the name must be the one
 * the upstream is declared with.
 */
export class HostRouter implements Router {
  private declared: ReadonlyMap<string, Declared> = new Map();
  private readonly remembered = new Map<string, Plan>();

  constructor(private readonly undeclared: Undeclared) {}

  replace(declared: ReadonlyMap<string, Declared>): void {
    this.declared = declared;
    this.remembered.clear();
  }

  route(head: RequestHead): Plan | null {
    return this.byName(head.authority);
  }

  /** TLS names the upstream as Host does; an opaque connection that names nobody has nowhere to go here. */
  routeTunnel(serverName: string | null): Plan | null {
    return serverName === null ? null : this.byName(serverName);
  }

  private byName(authority: string): Plan | null {
    const known = this.remembered.get(authority);
    if (known !== undefined) return known;
    const name = parseHost(authority);
    return name === null ? null : this.find(name, authority);
  }

  private find(name: HostName, authority: string): Plan | null {
    const entry = this.declared.get(name.service);
    if (entry === undefined || !isMeant(entry, name)) return this.undeclared.find(name);
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(ownText(authority), entry.plan);
    return entry.plan;
  }
}

function isMeant(entry: Declared, name: HostName): boolean {
  return (
    (name.tag === null || name.tag === entry.tag) && (name.datacenter === null || name.datacenter === entry.datacenter)
  );
}
