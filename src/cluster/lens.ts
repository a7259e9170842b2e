import type { Endpoint } from './endpoint.ts';
import type { Balancer, PickContext, Picker } from './picker.ts';
import type { EndpointSpec } from './snapshot.ts';

/** A part of a cluster that plans ask for: a subset, a role, a shard, a role of a shard. */
export interface LensSpec {
  /** Says what it shows, for operators and as its identity: two specs of one key show the same. `role=primary`. */
  readonly key: string;
  matches(spec: EndpointSpec): boolean;
  /** Key of the lens that is asked when this one has nothing to give; null for none. Never a circle. */
  readonly otherwise: string | null;
  /** The balancer of this part, when it is not the cluster's own. */
  readonly balancer: ((own: Balancer) => Balancer) | null;
  /**
   * Who else has to be sick before its critical endpoints are used; absent: nobody, it is enough that all of its own
   * are.
   */
  readonly peers?: (spec: EndpointSpec) => boolean;
  /** Says which options `balancer` has: with others the part is the same one, and is built anew. */
  readonly revision?: string;
  /** Discovery has not been asked for it yet: nobody knows who is there, and requests wait. */
  readonly isAwaited?: boolean;
}

/** Each of the inner ones once more, with only those that the outer one shows: the roles of a shard. */
export function lensesInside(outer: LensSpec, inner: readonly LensSpec[]): readonly LensSpec[] {
  return inner.map(({ key, matches, otherwise, peers, ...lens }) => ({
    ...lens,
    ...(peers === undefined ? {} : { peers: (spec: EndpointSpec) => outer.matches(spec) && peers(spec) }),
    key: keyInside(outer.key, key),
    matches: (spec: EndpointSpec) => outer.matches(spec) && matches(spec),
    otherwise: otherwise === null ? null : keyInside(outer.key, otherwise),
    ...(outer.isAwaited === undefined ? {} : { isAwaited: outer.isAwaited }),
  }));
}

export function keyInside(outer: string, inner: string): string {
  return `${outer}/${inner}`;
}

/** Is it the lesser part, a role of that shard or a shard's part of that role? */
export function isInside(key: string, part: string): boolean {
  return key.startsWith(`${part}/`) || key.endsWith(`/${part}`);
}

/**
 * A lens at work. Plans hold it, and the cluster keeps its picker current for as long as it has a lens of this key,
 * across snapshots and configurations, so that a request in flight asks the same part of the newest cluster; also of
 * one that replaces it. A lens that the newest has no longer keeps its last picker, for the exchanges that began with
 * it.
 */
export class Lens implements Picker {
  /** Null before the first build. */
  picker: Picker | null = null;
  otherwise: Lens | null = null;
  /** Of its picker: it was built of nobody. */
  isEmpty = false;
  /** The same part of the cluster that has replaced its own. */
  private successor: Lens | null = null;

  constructor(readonly key: string) {}

  /** Its cluster is given up. Who would wait for its first picker waits no longer where nothing replaces it. */
  leadTo(successor: Lens | null): void {
    this.successor = successor;
    if (successor === null) this.picker ??= NOBODY;
  }

  /** It is known that nobody is there, nor anybody who stands in. */
  get isDeserted(): boolean {
    if (this.successor !== null) return this.successor.isDeserted;
    return this.picker !== null && this.isEmpty && (this.otherwise === null || this.otherwise.isDeserted);
  }

  pick(context: PickContext): Endpoint | null {
    if (this.successor !== null) return this.successor.pick(context);
    if (this.picker === null) {
      context.refusal = 'discovery_pending';
      return null;
    }
    const found = this.picker.pick(context);
    if (this.otherwise === null || (found !== null && !context.avoid.includes(found))) return found;
    // One that was tried is better than none, and another one better than that.
    const { refusal } = context;
    const other = this.otherwise.pick(context);
    if (other !== null && (found === null || !context.avoid.includes(other))) return other;
    if (found === null && refusal !== 'no_endpoint') context.refusal = refusal;
    return found;
  }
}

const NOBODY: Picker = {
  pick: (context) => {
    context.refusal = 'no_endpoint';
    return null;
  },
};
