import type { Clock } from '../base/clock.ts';
import { invariant } from '../base/invariant.ts';
import type { Random } from '../base/random.ts';
import { Ejector } from './ejection/ejector.ts';
import { type EjectionListener, NOBODY_LISTENS } from './ejection/journal.ts';
import type { ConnectorFactory, Endpoint } from './endpoint.ts';
import { Lens } from './lens.ts';
import { type EndpointListener, LiveEndpoint } from './live-endpoint.ts';
import type { ClusterOptions } from './options.ts';
import type { Balancer, HashingFacts, PickContext, Picker } from './picker.ts';
import { isSameShapes, type Shape, shapesOf } from './shapes.ts';
import type { ClusterSnapshot, EndpointSpec } from './snapshot.ts';
import { type Level, levelsOf, usesOnlyCritical } from './tree/levels.ts';
import { type Part, partsOf } from './tree/parts.ts';
import type { Spills } from './tree/spills.ts';
import { buildTree, zonesFor } from './tree/tree.ts';

const SLICE_MS = 4;

export interface ClusterParts {
  readonly name: string;
  readonly options: ClusterOptions;
  readonly balancer: Balancer;
  readonly connectorFactory: ConnectorFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: EndpointListener;
  /** Absent: nobody wants to know. */
  readonly ejectionListener?: EjectionListener;
  /** Runs a task after pending I/O has had its turn (`setImmediate`): how a large picker is built without a stall. */
  readonly later: (task: () => void) => void;
}

/**
 * A named group of endpoints and the picker that chooses among them.
 *
 * Snapshots come in whole and are swapped in whole. What survives `apply` is the live endpoint of every identity that
 * is still named: its breaker, its latency, its pool. Its spec is replaced. An identity that is not named any more is
 * forgotten with all it learned; one that comes back is new. Endpoints in maintenance or critical are known and kept,
 * and not picked. Health is soft evidence, though: when nobody of a part is passing or warning, its critical ones are
 * picked from (a partition of Consul's gossip makes healthy nodes critical), because a refused connection is no worse
 * than no endpoint, and breakers stand guard. Maintenance is somebody's wish and holds.
 *
 * Slow start begins where an endpoint comes to others or becomes healthy again. With the first snapshot nobody is new.
 *
 * Who is picked from is ordered by level and zone first (`tree/`), for the whole and for each lens. The picker is built
 * in slices and assigned at once; until then the old one answers, and so the endpoints that go are retired only after
 * the assignment.
 *
 * A cluster ends by `supersede`, while exchanges may still hold it: for their next attempts it keeps its last picker,
 * whose endpoints open connections and keep none. Its lenses lead on to those of the successor: a primary, or a shard,
 * is where it is now. Nothing is armed then, so that it goes with the last of them.
 */
export class Cluster {
  readonly name: string;
  private current: ClusterOptions;
  private balancer: Balancer;
  private known = new Map<string, LiveEndpoint>();
  /** Of the whole cluster. */
  private readonly whole = new Lens('');
  private lenses = new Map<string, Lens>();
  /** What the newest pickers are made of, or are being made of. */
  private shapes: readonly Shape[] = [];
  readonly spills: Spills = { toLevels: 0, toZones: 0 };
  readonly ejector: Ejector;
  private leaving: LiveEndpoint[] = [];
  private applied: ClusterSnapshot | null = null;
  /** The build in progress; a newer one makes it stop. */
  private build: Generator<void, readonly Built[]> | null = null;
  private isSuperseded = false;
  private isHealthStale = false;
  /** Somebody has asked for an endpoint since that was last wanted to know. */
  private isInDemand = false;
  private successor: Cluster | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly parts: ClusterParts) {
    this.name = parts.name;
    this.current = parts.options;
    this.balancer = parts.balancer;
    this.replaceLenses();
    const { clock, random, ejectionListener: listener = NOBODY_LISTENS } = parts;
    this.ejector = new Ejector({ clock, random, listener, onChange: () => this.onHealthChange() });
    this.ejector.reconfigure(parts.options.ejection ?? null, [], []);
  }

  get options(): ClusterOptions {
    return this.current;
  }

  /** False until the first snapshot can be picked from. */
  get hasSnapshot(): boolean {
    return this.whole.picker !== null;
  }

  /** The newest snapshot, or null. */
  get snapshot(): ClusterSnapshot | null {
    return this.applied;
  }

  /** Keys of the parts of which nobody that could be used is well, and who are used all the same; '' for the whole. */
  get criticalParts(): readonly string[] {
    return this.shapes.filter(({ levels }) => usesOnlyCritical(levels)).map(({ lens }) => lens.key);
  }

  /** Too few of a level are healthy, and all but those in maintenance are used. */
  get isPanic(): boolean {
    return this.shapes.length > 0 && this.shapes[0]!.levels.some(({ isPanic }) => isPanic);
  }

  /** Keys of the parts that have nobody to pick, nor anybody who stands in: what asks for them is refused, or waits. */
  get emptyParts(): readonly string[] {
    const empty = new Set(this.shapes.filter(({ levels }) => !hasMembers(levels)).map(({ lens }) => lens));
    const isLost = (lens: Lens | null): boolean => lens === null || (empty.has(lens) && isLost(lens.otherwise));
    return [...this.lenses.values()].filter((lens) => empty.has(lens) && isLost(lens.otherwise)).map(({ key }) => key);
  }

  /** Levels and zones of the whole, for operators. */
  get places(): readonly Part[] {
    const [whole] = this.shapes;
    return whole === undefined ? [] : partsOf(this.endpoints, whole.levels, zonesFor(this.balancer, this.current.tree));
  }

  /** What its balancer says of itself, if it hashes; null otherwise. */
  get hashing(): HashingFacts | null {
    return this.whole.picker?.facts ?? null;
  }

  /** All that discovery names, pickable or not. */
  get endpoints(): Iterable<LiveEndpoint> {
    return this.known.values();
  }

  get size(): number {
    return this.known.size;
  }

  /** Called after every swap of the picker. Returns the way to stop it. */
  onApply(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  pick(context: PickContext): Endpoint | null {
    this.isInDemand = true;
    if (this.whole.picker !== null) return (context.lens ?? this.whole).pick(context);
    // Who waited here for an answer that never came is answered by what came instead.
    if (this.successor !== null) return this.successor.pick(context);
    context.refusal = this.isSuperseded ? 'no_endpoint' : 'discovery_pending';
    return null;
  }

  /** Has anybody asked for an endpoint since the last time this was asked? */
  takeDemand(): boolean {
    const { isInDemand } = this;
    this.isInDemand = false;
    return isInDemand;
  }

  apply(snapshot: ClusterSnapshot): void {
    if (this.isSuperseded) return;
    const startedAt = this.parts.clock.now();
    const isFirst = this.applied === null;
    this.applied = snapshot;
    this.replaceKnown(snapshot.endpoints, isFirst);
    this.ejector.follow(this.known.values(), this.current.lenses);
    const before = this.shapes;
    this.shapes = this.shapesNow();
    const isSame = isSameShapes(before, this.shapes);
    if (isSame && this.build !== null) return;
    if (isSame && this.hasSnapshot) this.swap([]);
    else this.rebuild(startedAt);
  }

  /**
   * What this sidecar itself knows of somebody's health has changed. All changes of a turn are one when the turn is over:
   * this is called where attempts settle. They wait for a build that is under way: of a large cluster in trouble somebody's
   * health changes all the time, and a build that each change began anew would never end.
   */
  onHealthChange(): void {
    if (this.isHealthStale || this.applied === null || this.isSuperseded) return;
    this.isHealthStale = true;
    if (this.build === null) this.parts.later(() => this.takeHealth());
  }

  private takeHealth(): void {
    // Where a build has begun meanwhile, its end calls again.
    if (this.build !== null || !this.isHealthStale) return;
    this.isHealthStale = false;
    if (this.applied === null || this.isSuperseded) return;
    this.ejector.review();
    const startedAt = this.parts.clock.now();
    const before = this.shapes;
    this.shapes = this.shapesNow();
    if (!isSameShapes(before, this.shapes)) this.rebuild(startedAt);
  }

  /** All of it, as a part like any other. */
  get all(): Lens {
    return this.whole;
  }

  hasLens(key: string): boolean {
    return this.lenses.has(key);
  }

  /** The part of it that is called so in its options. */
  lensOf(key: string): Lens {
    const lens = this.lenses.get(key);
    invariant(lens !== undefined, `no lens ${key}`);
    return lens;
  }

  /**
   * Takes other options, and a balancer made for them when that is another. What was learned of the endpoints stays;
   * breakers keep their state and only judge anew when the object of their options is another.
   */
  reconfigure(options: ClusterOptions, balancer: Balancer | null): void {
    const { breaker, lenses, tree } = this.current;
    if (options.balancer !== this.current.balancer) for (const known of this.endpoints) known.serve(options.balancer);
    this.current = options;
    for (const { freshness } of this.endpoints) freshness.lookFor(options.fresh ?? null);
    if (options.breaker !== breaker) for (const { gate } of this.known.values()) gate.reconfigure(options.breaker);
    if (options.lenses !== lenses) this.replaceLenses();
    this.ejector.reconfigure(options.ejection ?? null, this.endpoints, options.lenses);
    if (options.lenses !== lenses) this.ejector.follow(this.endpoints, options.lenses);
    if (balancer === null && options.lenses === lenses && options.tree === tree) return;
    this.balancer = balancer ?? this.balancer;
    if (this.applied === null) return;
    const startedAt = this.parts.clock.now();
    this.shapes = this.shapesNow();
    this.rebuild(startedAt);
  }

  /** Takes no more snapshots and keeps no connections; who is here without a picker is sent on to the successor. */
  supersede(successor: Cluster | null): void {
    this.isSuperseded = true;
    this.successor = successor;
    for (const [key, lens] of this.lenses) lens.leadTo(successor?.lenses.get(key) ?? null);
    this.build = null;
    this.ejector.close();
    this.leaving.push(...this.known.values());
    this.known = new Map();
    this.retireLeaving();
    this.listeners.clear();
  }

  private replaceKnown(specs: readonly EndpointSpec[], isFirst: boolean): void {
    const before = this.known;
    const now = this.parts.clock.now();
    this.known = new Map();
    for (const spec of specs) {
      if (this.known.has(spec.id)) continue;
      const same = before.get(spec.id);
      const endpoint = same ?? this.makeEndpoint(spec);
      const wasAway = same === undefined ? !isFirst : !same.isHealthy;
      if (endpoint.spec.role !== spec.role) endpoint.freshness.forget();
      endpoint.spec = spec;
      if (wasAway && endpoint.isHealthy) endpoint.begin(now);
      this.known.set(spec.id, endpoint);
      before.delete(spec.id);
    }
    this.leaving.push(...before.values());
  }

  private makeEndpoint(spec: EndpointSpec): LiveEndpoint {
    const { connectorFactory, random, listener, clock } = this.parts;
    const { breaker, balancer, fresh } = this.current;
    const made = new LiveEndpoint(spec, connectorFactory(spec), breaker, random, listener, clock.now());
    made.serve(balancer);
    made.freshness.lookFor(fresh ?? null);
    made.isProbedDown = this.current.waitsForChecks ?? false;
    return made;
  }

  /** The whole first. */
  private shapesNow(): readonly Shape[] {
    const known = [...this.known.values()];
    const { lenses, tree } = this.current;
    const whole = { lens: this.whole, levels: levelsOf(known, tree), balancer: null };
    const shown = lenses.filter(({ isAwaited }) => isAwaited !== true);
    return [whole, ...shapesOf(shown, known, tree, (key) => this.lensOf(key))];
  }

  /** What has been done in this turn already counts for its slice. */
  private rebuild(startedAt: number): void {
    this.build = this.buildAll(this.shapes);
    this.buildSlice(this.build, startedAt + SLICE_MS);
  }

  private *buildAll(shapes: readonly Shape[]): Generator<void, readonly Built[]> {
    const built: Built[] = [];
    for (const { lens, levels, balancer } of shapes) {
      const own = balancer === null ? this.balancer : balancer(this.balancer);
      const picker = yield* buildTree(own, levels, this.current.tree, this.parts.random, this.spills);
      built.push({ lens, picker, isEmpty: !hasMembers(levels) });
    }
    return built;
  }

  /** A lens of a key that was there before is the same one, which plans and exchanges hold. */
  private replaceLenses(): void {
    const before = this.lenses;
    this.lenses = new Map(this.current.lenses.map(({ key }) => [key, before.get(key) ?? new Lens(key)]));
    for (const { key, otherwise } of this.current.lenses) {
      this.lensOf(key).otherwise = otherwise === null ? null : this.lensOf(otherwise);
    }
  }

  private buildSlice(build: Generator<void, readonly Built[]>, until: number): void {
    while (this.build === build) {
      const step = build.next();
      if (step.done) return this.swap(step.value);
      if (this.parts.clock.now() >= until)
        return this.parts.later(() => this.buildSlice(build, this.parts.clock.now() + SLICE_MS));
    }
  }

  private swap(built: readonly Built[]): void {
    this.build = null;
    // Pickers that are gone count no more.
    if (built.length > 0) for (const { inFlight } of [...this.known.values(), ...this.leaving]) inFlight.leaveAll();
    for (const { lens, picker, isEmpty } of built) {
      lens.picker = picker;
      lens.isEmpty = isEmpty;
    }
    this.retireLeaving();
    if (this.isHealthStale) this.parts.later(() => this.takeHealth());
    for (const listener of [...this.listeners]) listener();
  }

  private retireLeaving(): void {
    for (const endpoint of this.leaving) {
      endpoint.isRemoved = true;
      endpoint.connector.retire();
    }
    this.leaving = [];
  }
}

interface Built {
  readonly lens: Lens;
  readonly picker: Picker;
  readonly isEmpty: boolean;
}

function hasMembers(levels: readonly Level[]): boolean {
  return levels.some(({ members }) => members.length > 0);
}
