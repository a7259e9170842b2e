import { ownText } from '../base/own-text.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import type { Plan, Router } from '../proxy/plan.ts';
import type { Routed } from '../proxy/routed.ts';
import { type HostName, parseHost } from './host.ts';
import type { Leads } from './routing/lead.ts';
import { NO_ROUTES } from './table/table.ts';

/** A listener that belongs to one upstream: everything goes there, whatever its Host, but for what its routes lead. */
export class FixedRouter implements Router {
  constructor(
    private plan: Plan,
    private leads: Leads = NO_ROUTES,
  ) {}

  /** Exchanges that run keep the plan they began with. */
  replace(plan: Plan): void {
    this.plan = plan;
  }

  lead(leads: Leads): void {
    this.leads = leads;
  }

  route(head: RequestHead, peer: Peer, routed: Routed): Plan | null {
    const found = this.leads.match(head, peer);
    return found === null ? this.plan : found.value.planOf(head, routed);
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
  /** Of what is called by its name. */
  readonly leads: Leads;
}

/** Services that are not declared: found on first use, within bounds. */
export interface Undeclared {
  find(name: HostName): Plan | null;
}

export const NOTHING_UNDECLARED: Undeclared = { find: () => null };

/** The answers that are remembered; the name of a host is read once and not with every request. */
const MAX_REMEMBERED = 1024;

/**
 * The shared outbound port: its routes first, and where none matches the Host of a request names the upstream, whose own
 * routes are asked next. A tag or datacenter in the name must be the one the upstream is declared with.
 */
export class HostRouter implements Router {
  private leads: Leads = NO_ROUTES;
  private declared: ReadonlyMap<string, Declared> = new Map();
  private readonly remembered = new Map<string, Declared>();

  constructor(private readonly undeclared: Undeclared) {}

  replace(declared: ReadonlyMap<string, Declared>): void {
    this.declared = declared;
    this.remembered.clear();
  }

  lead(leads: Leads): void {
    this.leads = leads;
  }

  route(head: RequestHead, peer: Peer, routed: Routed): Plan | null {
    const found = this.leads.match(head, peer);
    if (found !== null) return found.value.planOf(head, routed);
    const named = this.byName(head.authority);
    if (named === null) return null;
    const own = named.leads.match(head, peer);
    return own === null ? named.plan : own.value.planOf(head, routed);
  }

  /**
   * TLS names the upstream as Host does; an opaque connection that names nobody has nowhere to go here. Routes are for
   * requests, of which there are none to look at.
   */
  routeTunnel(serverName: string | null): Plan | null {
    const named = serverName === null ? null : this.byName(serverName);
    return named === null ? null : named.plan;
  }

  private byName(authority: string): Declared | null {
    const known = this.remembered.get(authority);
    if (known !== undefined) return known;
    const name = parseHost(authority);
    return name === null ? null : this.find(name, authority);
  }

  private find(name: HostName, authority: string): Declared | null {
    const entry = this.declared.get(name.service);
    if (entry === undefined || !isMeant(entry, name)) return this.findUndeclared(name);
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(ownText(authority), entry);
    return entry;
  }

  private findUndeclared(name: HostName): Declared | null {
    const plan = this.undeclared.find(name);
    return plan === null ? null : { plan, tag: name.tag, datacenter: name.datacenter, leads: NO_ROUTES };
  }
}

function isMeant(entry: Declared, name: HostName): boolean {
  return (
    (name.tag === null || name.tag === entry.tag) && (name.datacenter === null || name.datacenter === entry.datacenter)
  );
}
