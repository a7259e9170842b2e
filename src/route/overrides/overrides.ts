import type { Clock } from '../../base/clock.ts';
import { ownText } from '../../base/own-text.ts';
import type { Peer } from '../../http/conduit.ts';
import type { RequestHead } from '../../http/head.ts';
import type { Plan, Router } from '../../proxy/plan.ts';
import { NO_EFFECTS, type RouteEffects } from '../../proxy/route-effects.ts';
import type { Routed } from '../../proxy/routed.ts';
import { type Claim, isGenuine, MAX_TEXT, parseClaims } from './override.ts';

export interface OverrideOptions {
  /** Whoever has it may send requests to any upstream and subset that is declared. */
  readonly key: string;
  /** The field that overrides come in, in lower case. */
  readonly header: string;
  /** One that ends later than this is refused. */
  readonly maxAgeMs: number;
}

/** Finds the plan for a request that has one already, and is meant for another upstream or subset; null: there is none. */
export type OtherPlan = (plan: Plan, upstream: string, subset: string | null) => Plan | null;

/** What stands before a router of outbound ports. */
export interface Overriding {
  readonly isOn: boolean;
  readonly counts: { readonly taken: number; readonly refused: number };
  /** Told once, by who knows all upstreams. */
  lookIn(other: OtherPlan): void;
  before(router: Router): Router;
  /** Of the inbound port: what comes with a request goes on to the application, which sends it with its own. */
  readonly passing: RouteEffects;
}

/** The field is a field like any other. */
export const NO_OVERRIDES: Overriding = {
  isOn: false,
  counts: { taken: 0, refused: 0 },
  lookIn: () => undefined,
  before: (router) => router,
  passing: NO_EFFECTS,
};

/** Callers choose the texts. */
const MAX_REMEMBERED = 256;

interface Read {
  /** Null: nobody can tell what it wants. */
  readonly claims: readonly Claim[] | null;
  readonly areGenuine: readonly boolean[];
}

const UNREADABLE: Read = { claims: null, areGenuine: [] };

/**
 * Requests that ask for another place than their route or Host gives them: for a build that is tried in an environment
 * that others share. The law: an override that is for a request is obeyed, or the request is refused; it never goes where
 * it would have gone without. One that is for the requests of another upstream says nothing of this one, and is passed
 * on, since it may be for one that follows from this.
 *
 * Only signed ones count, and only from the application beside this sidecar, which passes on the field of the requests
 * that it answers. Each sidecar on the way verifies for itself. A text is verified once and remembered, since a caller
 * sends the same for an hour; when it ends is looked at each time.
 */
export class Overrides implements Overriding {
  readonly isOn = true;
  readonly counts = { taken: 0, refused: 0 };
  readonly passing: RouteEffects;
  private other: OtherPlan = () => null;
  private readonly read = new Map<string, Read>();

  constructor(
    private readonly options: OverrideOptions,
    private readonly clock: Clock,
  ) {
    const { header } = options;
    this.passing = {
      ...NO_EFFECTS,
      editRequest: ({ head }, edits) => {
        const text = head.get(header);
        if (text !== null && header.startsWith('x-remora-')) edits.append(header, text);
      },
    };
  }

  lookIn(other: OtherPlan): void {
    this.other = other;
  }

  before(router: Router): Router {
    const { header } = this.options;
    return {
      route: (head: RequestHead, peer: Peer, routed: Routed): Plan | null => {
        const plan = router.route(head, peer, routed);
        const text = plan === null ? null : head.get(header);
        return text === null ? plan : this.lead(plan!, text, routed);
      },
      routeTunnel: (serverName) => router.routeTunnel(serverName),
    };
  }

  private lead(plan: Plan, text: string, routed: Routed): Plan | null {
    const { claims, areGenuine } = this.read.get(text) ?? this.verify(text);
    if (claims === null) return this.refuse(routed);
    const { upstream: name } = plan.labels;
    const at = claims.findIndex(({ of }) => of === name);
    if (at < 0) return plan;
    const claim = claims[at]!;
    const leftMs = claim.expiresAtS * 1000 - this.clock.wallMs();
    if (!areGenuine[at] || leftMs <= 0 || leftMs > this.options.maxAgeMs) return this.refuse(routed);
    const other = this.other(plan, claim.upstream, claim.subset);
    if (other === null) return this.refuse(routed);
    this.counts.taken += 1;
    routed.overrideOf = name;
    return other;
  }

  private refuse(routed: Routed): null {
    this.counts.refused += 1;
    routed.refusal = 'override_refused';
    return null;
  }

  private verify(text: string): Read {
    // Nothing so long is read, and nothing of it is remembered.
    if (text.length > MAX_TEXT) return UNREADABLE;
    const own = ownText(text);
    const claims = parseClaims(own);
    const { key } = this.options;
    const read = { claims, areGenuine: (claims ?? []).map((claim) => isGenuine(claim, key)) };
    if (this.read.size >= MAX_REMEMBERED) this.read.clear();
    this.read.set(own, read);
    return read;
  }
}
