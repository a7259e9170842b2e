import {
  AT_ONCE,
  BOTH,
  BREAKER,
  BUDGET,
  BY_LATENCY,
  BY_LATENCY_SLOWLY,
  DEFAULTS,
  NO_RETRIES,
  type Policy,
  SLOWLY,
  UNBOUND,
} from './policies.ts';

/** How a server is at one moment. */
export interface Condition {
  /** Times as long for each request. */
  readonly slowness: number;
  /** Refuses everything at once. */
  readonly fails: boolean;
  /** Discovery knows it. */
  readonly isThere: boolean;
}

/** A trouble that retries can make worse, and what sidecars may do about it. */
export interface Storm {
  readonly name: string;
  readonly story: string;
  /** Offered load as a share of what all servers can do together. */
  readonly utilization: number;
  /** The trouble, in seconds. */
  readonly from: number;
  readonly to: number;
  readonly policies: readonly Policy[];
  /** When discovery has something new to say, in seconds. */
  readonly changes: readonly number[];
  conditionOf(server: number, second: number): Condition;
}

const WELL: Condition = { slowness: 1, fails: false, isThere: true };
const COLD_SLOWNESS = 8;
const WARM_AFTER_S = 15;
/** Long enough for queues to fill, short enough for nobody to be blamed for what stays after it. */
const TRIGGER_S = 5;
const POLICIES = [NO_RETRIES, UNBOUND, BUDGET, BREAKER, BOTH, DEFAULTS];

/** All storms for a run of this many seconds: trouble begins when a third of it is over. */
export function stormsOf(seconds: number): Storm[] {
  const from = Math.round(seconds / 3);
  const to = Math.round((2 * seconds) / 3);
  const triggerEnd = from + TRIGGER_S;
  const within = (second: number, end: number): boolean => second >= from && second < end;
  return [
    {
      name: 'retry-storm',
      story: `every server refuses everything at once from ${from} s to ${to} s; offered is half of what they can do`,
      utilization: 0.5,
      from,
      to,
      policies: POLICIES,
      changes: [],
      conditionOf: (_server, second) => (within(second, to) ? { ...WELL, fails: true } : WELL),
    },
    {
      name: 'metastable',
      story: `all servers take four times as long from ${from} s to ${triggerEnd} s; offered is 70 % of what they can do, before and after`,
      utilization: 0.7,
      from,
      to: triggerEnd,
      policies: POLICIES,
      changes: [],
      conditionOf: (_server, second) => (within(second, triggerEnd) ? { ...WELL, slowness: 4 } : WELL),
    },
    {
      name: 'cold-start',
      story: `one server is new at ${from} s, ${COLD_SLOWNESS} times as slow, and as fast as all ${WARM_AFTER_S} s later; offered is 70 % of what they can do`,
      utilization: 0.7,
      from,
      to: from + WARM_AFTER_S,
      policies: [AT_ONCE, SLOWLY, BY_LATENCY, BY_LATENCY_SLOWLY],
      changes: [from],
      conditionOf: (server, second) =>
        server > 0 ? WELL : { ...WELL, isThere: second >= from, slowness: slownessAt(second - from) },
    },
  ];
}

/** A cold server warms up evenly. */
function slownessAt(age: number): number {
  return Math.max(1, COLD_SLOWNESS - ((COLD_SLOWNESS - 1) * age) / WARM_AFTER_S);
}
