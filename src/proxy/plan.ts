import type { FailureCode } from '../base/failure.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { LocalAnswer } from '../http/answer.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import type { Backoff } from '../policy/backoff.ts';
import type { RetryBudget } from '../policy/budget.ts';
import type { CriticalityRule } from '../policy/criticality-rule.ts';
import type { Door } from '../policy/door.ts';
import type { FallbackKind } from '../policy/fallback.ts';
import type { Faults } from '../policy/fault.ts';
import type { Gate } from '../policy/gate.ts';
import type { Hedge } from '../policy/hedge.ts';
import type { RetryOptions, TimeoutOptions } from '../policy/options.ts';
import type { Pace } from '../policy/pace.ts';
import type { PlanTexts } from './allowance.ts';
import type { PlanLabels } from './labels.ts';
import type { Line } from './line.ts';
import type { Mirrors } from './mirrors.ts';
import type { PlanObserver } from './observer.ts';
import type { Parking } from './parking.ts';
import type { Placement } from './placement.ts';
import type { Ledger } from './places/ledger.ts';
import type { Retrying } from './retrying.ts';
import type { RouteEffects } from './route-effects.ts';
import type { Routed } from './routed.ts';
import { NO_STALE, type StaleAnswers } from './stale-cache.ts';

/**
 * Everything that was resolved before the request came: where to, under which limits, watched by whom. Immutable and
 * shared by all exchanges that it fits; a change of configuration makes a new one.
 */
export interface Plan {
  readonly labels: PlanLabels;
  readonly cluster: Cluster;
  /** How much requests matter. */
  readonly criticality: CriticalityRule;
  /** What every request passes before it costs anything. */
  readonly door: Door;
  /** The cluster's limits on requests in flight. */
  readonly admission: Gate;
  /** Where requests wait for a place in `admission`. */
  readonly line: Line;
  readonly retry: RetryOptions;
  readonly retrying: Retrying;
  readonly budget: RetryBudget;
  readonly backoff: Backoff;
  /** When a second attempt is sent beside the first. */
  readonly hedge: Hedge;
  readonly parking: Parking;
  readonly timeouts: TimeoutOptions;
  /** `timeouts` as they are told to endpoints. */
  readonly timeTexts: PlanTexts;
  /** How quick answers are at best. */
  readonly pace: Pace;
  readonly placement: Placement;
  /** What the route that leads here does to requests. */
  readonly effects: RouteEffects;
  /** Who else is sent what it leads. */
  readonly mirrors: Mirrors;
  /** What befalls requests on purpose. */
  readonly faults: Faults;
  /** What clients are given in place of failures. */
  readonly fallback: Fallback;
  /** Null nearly always: every request has one place. */
  readonly spreader: Spreader | null;
  /**
   * Share of exchanges without a sampled parent that are traced. The process's, and so the one thing here that changes.
   */
  readonly sampleRatio: number;
  /** Are fields named `x-remora-*` believed? Forwarding fields are passed on whoever sends them. */
  readonly trustsPeer: boolean;
  /** Are calls that nobody has looked at given back to their callers, who know of other endpoints? */
  readonly returnsUnseen: boolean;
  readonly observer: PlanObserver;
}

/** What the clients of a plan are given in place of a failure, as long as nothing of an answer has been sent. */
export interface Fallback {
  /** Is there something for this failure? */
  covers(code: FailureCode): boolean;
  /** And for an answer of an endpoint with this status, once nothing is tried again? */
  coversStatus(status: number): boolean;
  /** The best there is for a request, or null. `mayMove`: another cluster may have it. */
  choose(head: RequestHead, isGrpc: boolean, mayMove: boolean, now: number): FallbackKind | null;
  /** Of kind `static`, for calls of gRPC or for others. */
  answer(isGrpc: boolean): LocalAnswer | null;
  /** Of kind `cluster`: under that plan the request begins anew. */
  other(): Plan | null;
  readonly stale: StaleAnswers;
  /**
   * The same for a part of the plan's requests, whose kept answers are none of the others'. Without `mayMove` no
   * other cluster will do for them. Only of the whole.
   */
  within(part: string, mayMove: boolean): Fallback;
  /** Given since the start; whoever gives one counts it. */
  readonly counts: FallbackCounts;
}

export type FallbackCounts = Record<FallbackKind, number>;

/** Failures are what they are. */
export const NO_FALLBACK: Fallback = {
  covers: () => false,
  coversStatus: () => false,
  choose: () => null,
  answer: () => null,
  other: () => null,
  stale: NO_STALE,
  within: () => NO_FALLBACK,
  counts: { cluster: 0, stale: 0, static: 0 },
};

/** Requests to plans. One per listener. */
export interface Router {
  /** The plan of a request, or null: it has none for the reason of `routed`, which the router fills. */
  route(head: RequestHead, peer: Peer, routed: Routed): Plan | null;
  /** The plan of an opaque connection, or null. `serverName`: see `TunnelClient`. */
  routeTunnel(serverName: string | null): Plan | null;
}

/** One request without a body that is meant for several places at once. See `Scatter`. */
export interface Broadcast {
  /**
   * `first`: the first success of any place is the answer. `all`: that of `main`, once every place has shown success.
   */
  readonly kind: 'first' | 'all';
  /** Each place is a plan with a fixed placement. */
  readonly main: Plan;
  /** At most `MAX_PLACES` (places/scatter.ts) less one. */
  readonly others: readonly Plan[];
}

/** One request of a range that moves from one place to another. See `Twin`. */
export interface Move {
  /**
   * `dual_read`: the other's answer is compared with that of `main`. `dual_write`: what `main` took goes to the other
   * too.
   */
  readonly kind: 'dual_read' | 'dual_write';
  /** Answers the client. */
  readonly main: Plan;
  readonly others: readonly [Plan];
  /** Of the request's key, 32 bits: second writes of one key keep their order. */
  readonly keyHash: number;
  /** Told how the two places get on; it lives as long as the move does. */
  readonly watch: Ledger;
}

export type Spread = Broadcast | Move;

/** Says which requests of a plan need more than one place. A pure function of configuration, map and request. */
export interface Spreader {
  /**
   * Null for one place, which the plan's placement finds. It need not look at methods: a broadcast is only made of GET,
   * HEAD and OPTIONS without a body, and any other request goes under the plan itself, whose placement may refuse it.
   * Of a move, those methods are the reads, others the writes, and a gRPC call is what `kind` says; the rest goes to
   * `main` alone.
   */
  spread(head: RequestHead, peer: Peer): Spread | null;
  /** Of every range that moves, for operators. */
  readonly ledgers: Iterable<Ledger>;
}
