import { whenAborted } from '../base/abort.ts';
import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import { KeptWatch, type Watch } from '../base/watch.ts';
import type { ClusterSnapshot, EndpointSpec } from '../cluster/snapshot.ts';
import { isIn, type Subset } from '../cluster/tree/subset.ts';

/** One place to go to. */
export interface Target {
  /** For operators: `orders`, `orders-eu@dc2`. */
  readonly name: string;
  readonly watch: Watch<ClusterSnapshot>;
  /** Null: all that is found there. */
  readonly subset: Subset | null;
}

/**
 * An agent answers in milliseconds, and another datacenter in less than this. Callers wait longer than this for a first
 * answer.
 */
const GRACE_MS = 1_000;

/**
 * An upstream and its failover targets as one snapshot: the endpoints of each target are a level, in the order of the
 * targets. Each keeps its own last good answer, so a datacenter that cannot be asked leaves the others' endpoints as
 * they are, and its own too. An endpoint that several targets find belongs to the first of them. Of a single target
 * the levels are its own.
 *
 * The first value comes with the first target's endpoints. Where they are missing, or none of them is healthy, it waits
 * for the others, but not for ever: a start while the first datacenter is away must end in the second, and a slow
 * second one must not hold up the first. After the grace whatever is known is used, and corrected as the rest comes.
 */
export class MergedWatch extends KeptWatch<ClusterSnapshot> implements TimerOwner {
  private isGraceOver = false;
  private readonly timer = new Timer(this);

  constructor(
    private readonly targets: readonly Target[],
    clock: Clock,
    signal: AbortSignal,
  ) {
    super();
    clock.arm(this.timer, clock.now() + GRACE_MS);
    const stops = targets.map(({ watch }) => watch.subscribe(() => this.merge()));
    whenAborted(signal, () => {
      clock.disarm(this.timer);
      for (const unsubscribe of stops) unsubscribe();
    });
  }

  /** The oldest word there is. */
  override get freshAt(): number {
    const heard = this.targets.filter(({ watch }) => watch.value !== null);
    return heard.length === 0 ? 0 : Math.min(...heard.map(({ watch }) => watch.freshAt));
  }

  override get problem(): string | null {
    const problems = this.targets.flatMap(({ name, watch }) => {
      if (watch.problem !== null) return this.targets.length === 1 ? watch.problem : `${name}: ${watch.problem}`;
      return watch.value === null && this.isGraceOver ? `${name}: no answer yet` : [];
    });
    return problems.length === 0 ? null : problems.join('; ');
  }

  onTimer(): void {
    this.isGraceOver = true;
    if (this.value === null) this.merge();
  }

  private merge(): void {
    const parts = this.targets.map((target, level) => this.partOf(target, level));
    const heard = this.targets.filter(({ watch }) => watch.value !== null);
    const isFirstUp = parts[0]!.some(({ health }) => health === 'passing' || health === 'warning');
    const isEnough = isFirstUp || heard.length === parts.length || this.isGraceOver || this.value !== null;
    if (!isEnough || heard.length === 0) return;
    const sources = new Set(heard.map(({ watch }) => watch.value!.source));
    this.keep({
      service: heard[0]!.watch.value!.service,
      endpoints: firstOfEach(parts.flat()),
      source: [...sources].join('+'),
    });
  }

  private partOf({ watch, subset }: Target, level: number): readonly EndpointSpec[] {
    const endpoints = watch.value?.endpoints ?? [];
    const shown = subset === null ? endpoints : endpoints.filter((spec) => isIn(subset, spec));
    return this.targets.length === 1 ? shown : shown.map((spec) => ({ ...spec, priority: level }));
  }
}

function firstOfEach(specs: readonly EndpointSpec[]): readonly EndpointSpec[] {
  const seen = new Set<string>();
  return specs.filter(({ id }) => !seen.has(id) && seen.add(id));
}
