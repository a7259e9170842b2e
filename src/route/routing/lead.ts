import type { RequestHead } from '../../http/head.ts';
import type { Plan } from '../../proxy/plan.ts';
import type { Routed } from '../../proxy/routed.ts';
import type { RouteTable } from '../table/table.ts';
import type { Leaf } from './leaf.ts';

/** The requests of one route since the start; it lives as long as a route of that name. */
export interface RouteCount {
  requests: number;
}

/** What becomes of the requests of one route. Asked once for each of them. */
export interface Lead {
  readonly count: RouteCount;
  readonly leaves: readonly Leaf[];
  /** Null: there is no plan, for the reason of `routed`. */
  planOf(head: RequestHead, routed: Routed): Plan | null;
}

export type Leads = RouteTable<Lead>;

/** All of them go to one place. */
export class Direct implements Lead {
  readonly leaves: readonly Leaf[];

  constructor(
    readonly count: RouteCount,
    private readonly leaf: Leaf,
  ) {
    this.leaves = [leaf];
  }

  planOf(): Plan | null {
    this.count.requests += 1;
    return this.leaf.plan;
  }
}
