import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { type Mirrors, NO_MIRRORS } from '../proxy/mirrors.ts';
import { RouteMirrors } from '../proxy/places/route-mirrors.ts';
import { makeEffects } from '../route/effects/effects.ts';
import { Direct, type Lead, type Leads, type RouteCount } from '../route/routing/lead.ts';
import { DerivedLeaf, Destination } from '../route/routing/leaf.ts';
import { Split } from '../route/routing/split.ts';
import { makeStickyKey } from '../route/routing/sticky.ts';
import { compileRoutes } from '../route/table/compile.ts';
import type { RouteOptions, RoutePolicy, RouteTarget, ValueMatch } from '../route/table/options.ts';
import { readyRegex } from '../route/table/regex.ts';
import { NO_ROUTES } from '../route/table/table.ts';
import { LocalPlan } from './local-plan.ts';
import { OtherPlans } from './other-plans.ts';
import type { Parts } from './parts.ts';
import type { LivePlan } from './plans.ts';
import { MirrorLeaf } from './route-mirrors.ts';
import { askedOtherwise, type RouteParts, routedPlan } from './routed-plan.ts';
import { routesHere } from './routes-here.ts';
import type { Upstream } from './upstream.ts';

/** One list of routes with all that was made of it. */
export interface RouteList {
  /** The upstream whose own they are; null: of the shared port. */
  readonly owner: string | null;
  readonly routes: readonly RouteOptions[];
  readonly leads: Leads;
  readonly entries: readonly RouteEntry[];
}

export interface RouteEntry {
  readonly route: RouteOptions;
  readonly lead: Lead;
  readonly mirrors: readonly MirrorLeaf[];
}

/** All tables of a configuration, complete and not in force. */
export interface PreparedRoutes {
  readonly lists: ReadonlyMap<string | null, RouteList>;
  readonly destinations: ReadonlyMap<string, Destination<LivePlan>>;
  readonly counts: ReadonlyMap<string, RouteCount>;
}

const NONE: PreparedRoutes = { lists: new Map(), destinations: new Map(), counts: new Map() };
const AS_THE_UPSTREAM: RoutePolicy = { timeouts: {}, retry: {}, hash: null };
/** As long as a request may be held up by the making of a table. */
const SLICE_MS = 4;
/** Of these many routes it is known after a slice whether they are as before. */
const COMPARED = 32;

/**
 * The route tables of a process: that of the shared port, and those of upstreams. They are compiled in slices while the
 * old ones answer, and a list that is as it was keeps its table. What leads to an upstream goes by its name, and so to
 * whoever is called so by now; see `Upstreams` for when that changes.
 */
export class RouteTables {
  private inForce = NONE;
  private readonly local: LocalPlan;
  private readonly others: OtherPlans;

  constructor(private readonly parts: Parts) {
    this.local = new LocalPlan(parts);
    this.others = new OtherPlans(parts);
    parts.overrides.lookIn((plan, upstream, subset) => this.others.of(plan, upstream, subset));
  }

  get shared(): Leads {
    return this.of(null);
  }

  /** Of what is called by the name or port of that upstream. */
  of(owner: string | null): Leads {
    return this.inForce.lists.get(owner)?.leads ?? NO_ROUTES;
  }

  /** In force, the shared port's first. */
  get lists(): Iterable<RouteList> {
    return this.inForce.lists.values();
  }

  /** Takes as many turns of the event loop as it needs; nothing is in force before `take`. */
  async prepare(config: Config): Promise<PreparedRoutes> {
    if (routesHere(config).some(([, routes]) => routes.some(hasPattern))) await readyRegex();
    return await inSlices(this.build(config), this.parts.clock);
  }

  /** In the same turn the upstreams that are named there have to be there, and `follow` is called. */
  take(routes: PreparedRoutes): void {
    this.inForce = routes;
  }

  /** Upstreams have come or gone, or have other plans. */
  follow(find: (name: string) => Upstream | null): void {
    this.others.follow(find);
    for (const [name, destination] of this.inForce.destinations) destination.upstream = find(name);
    for (const { entries } of this.lists) {
      for (const { lead, mirrors } of entries) for (const leaf of [...lead.leaves, ...mirrors]) leaf.letGo();
    }
  }

  private *build(config: Config): Generator<void, PreparedRoutes> {
    const lists = new Map<string | null, RouteList>();
    const ways = new Ways(this.inForce);
    for (const [owner, routes] of routesHere(config)) {
      const before = this.inForce.lists.get(owner) ?? null;
      const isSame = before !== null && (yield* isSameRoutes(before.routes, routes));
      const list = isSame ? before : yield* this.buildList(owner, routes, ways);
      if (list.routes.length > 0) lists.set(owner, list);
      if (isSame) {
        for (const { route, lead, mirrors } of list.entries) {
          ways.count(countKey(owner, route.name));
          for (const { to } of [...lead.leaves, ...mirrors]) if (to !== this.local.destination) ways.to(to.name);
        }
      }
      yield;
    }
    const { destinations, counts } = ways;
    return { lists, destinations, counts };
  }

  private *buildList(owner: string | null, routes: readonly RouteOptions[], ways: Ways): Generator<void, RouteList> {
    const entries: RouteEntry[] = [];
    const leads = yield* compileRoutes(routes, (route) => {
      const mirrors = this.mirrorsOf(route, ways);
      const lead = this.leadOf(route, mirrors, owner, ways);
      entries.push({ route, lead, mirrors });
      return lead;
    });
    return { owner, routes, leads, entries };
  }

  private mirrorsOf(route: RouteOptions, ways: Ways): readonly MirrorLeaf[] {
    return route.mirrors.map((mirror) => new MirrorLeaf(route, mirror, ways.to(mirror.upstream), this.parts.random));
  }

  private leadOf(route: RouteOptions, mirrored: readonly MirrorLeaf[], owner: string | null, ways: Ways): Lead {
    const { action } = route;
    const count = ways.count(countKey(owner, route.name));
    if (action.kind !== 'forward') return new Direct(count, this.localLeaf(route, owner, ways));
    const targets = action.targets.filter(({ weight }) => weight > 0);
    const mirrors = RouteMirrors.of(route.name, mirrored, this.parts.mirrored);
    const leaves = targets.map((target) => this.leafOf(route, target, mirrors, ways.to(target.upstream)));
    if (targets.length === 1) return new Direct(count, leaves[0]!);
    const branches = targets.map((target, i) => {
      return { leaf: leaves[i]!, weight: target.weight, name: branchName(targets, i) };
    });
    const { random } = this.parts;
    return new Split(count, branches, makeStickyKey(action.sticky, random), random);
  }

  private leafOf(
    route: RouteOptions,
    target: RouteTarget,
    mirrors: Mirrors,
    to: Destination<LivePlan>,
  ): DerivedLeaf<LivePlan> {
    const { policy } = route;
    const asked = (): string => askedOtherwise(route, target.request);
    const parts = { effects: makeEffects(route, target), mirrors, policy, asked, mayMove: true, subset: target.subset };
    return this.leafTo(to, parts);
  }

  /** What is answered here is on record as the upstream's whose route it is. */
  private localLeaf(route: RouteOptions, owner: string | null, ways: Ways): DerivedLeaf<LivePlan> {
    const effects = makeEffects(route, null);
    const parts = {
      effects,
      mirrors: NO_MIRRORS,
      policy: AS_THE_UPSTREAM,
      asked: () => '',
      mayMove: true,
      subset: null,
    };
    const to = owner === null ? this.local.open() : ways.to(owner);
    return this.leafTo(to, parts);
  }

  private leafTo(to: Destination<LivePlan>, parts: RouteParts): DerivedLeaf<LivePlan> {
    return new DerivedLeaf(to, (plan) => {
      const derived = routedPlan(plan, parts, this.parts.random);
      this.others.note(derived.plan, parts);
      return derived;
    });
  }
}

/** What new tables share with those in force, by name. */
class Ways {
  readonly destinations = new Map<string, Destination<LivePlan>>();
  readonly counts = new Map<string, RouteCount>();

  constructor(private readonly before: PreparedRoutes) {}

  to(name: string): Destination<LivePlan> {
    const known = this.destinations.get(name) ?? this.before.destinations.get(name) ?? new Destination<LivePlan>(name);
    this.destinations.set(name, known);
    return known;
  }

  count(key: string): RouteCount {
    const known = this.before.counts.get(key) ?? { requests: 0 };
    this.counts.set(key, known);
    return known;
  }
}

/** The same target may be there twice, with other fields. */
function branchName(targets: readonly RouteTarget[], at: number): string {
  const nameOf = ({ upstream, subset }: RouteTarget): string => (subset === null ? upstream : `${upstream}/${subset}`);
  const name = nameOf(targets[at]!);
  const before = targets.slice(0, at).filter((target) => nameOf(target) === name).length;
  return before === 0 ? name : `${name}#${before}`;
}

function hasPattern({ matches, rewrite }: RouteOptions): boolean {
  const isPattern = ({ match }: ValueMatch): boolean => match.kind === 'regex';
  return (
    (rewrite !== null && rewrite.regex !== null) ||
    matches.some(({ path, headers, query, cookies }) => {
      return path?.kind === 'regex' || [headers, query, cookies].some((values) => values.some(isPattern));
    })
  );
}

function countKey(owner: string | null, route: string): string {
  return `${owner ?? ''}/${route}`;
}

function* isSameRoutes(a: readonly RouteOptions[], b: readonly RouteOptions[]): Generator<void, boolean> {
  if (a.length !== b.length) return false;
  for (const [i, route] of a.entries()) {
    if (route !== b[i] && !isDeepStrictEqual(route, b[i])) return false;
    if (i % COMPARED === 0) yield;
  }
  return true;
}

/** What is short is done in the turn that it began in. */
async function inSlices<T>(work: Generator<void, T>, clock: Clock): Promise<T> {
  while (true) {
    const until = clock.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (clock.now() < until);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
