import { type MovedKeys, movedKeys } from './moved-keys.ts';
import type { Scenario } from './scenarios.ts';
import { type Setup, Simulation } from './simulation.ts';
import type { Tally } from './tally.ts';

/** What one algorithm did in one scenario. Instants count from the start of the trouble, or from its end. */
export interface Measured {
  readonly tally: Tally;
  /** Load of the busiest server that the trouble is not about, in multiples of the mean of these; null when they got nothing. */
  readonly maxToMean: number | null;
  /** Standard deviation of these loads, in multiples of their mean. */
  readonly variation: number | null;
  /** Of good answers, in ms; null when there were none. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** Share of requests that failed or could be sent nowhere. */
  readonly failed: number;
  /** Seconds until the affected servers got less than a quarter of their share; null when they always got more. */
  readonly leftAfter: number | null;
  /** Seconds from the end of the trouble until they got three quarters of their share again. */
  readonly backAfter: number | null;
  /** The most that one of the affected got in a second from the time it was back, in multiples of its share. */
  readonly peak: number | null;
  readonly moved: MovedKeys | null;
}

const LEFT = 0.25;
const BACK = 0.75;

export function measure(setup: Setup, scenario: Scenario): Measured {
  const { tally } = new Simulation(setup).run();
  const { from, to, isOutage, moves, course } = scenario;
  const affected = servers(setup).filter((server) => scenario.isAffected(server));
  const others = servers(setup).filter((server) => !scenario.isAffected(server));
  const loads = others.map((server) => tally.requestsTo(server, from, to));
  const mean = sum(loads) / loads.length;
  const sent = tally.requestsIn(from, to) + tally.refusedIn(from, to);
  // A server that is new has its trouble from the first second, and is back with it.
  const backFrom = isOutage ? to : from;
  const share = (second: number): number => shareIn(tally, affected, second);
  const firstSecond = (start: number, end: number, holds: (share: number) => boolean): number | null => {
    for (let second = start; second < end; second++) if (holds(share(second))) return second - start;
    return null;
  };
  return {
    tally,
    maxToMean: mean === 0 ? null : Math.max(...loads) / mean,
    variation: mean === 0 ? null : Math.sqrt(sum(loads.map((load) => (load - mean) ** 2)) / loads.length) / mean,
    p50: tally.quantile(0.5, from, to),
    p99: tally.quantile(0.99, from, to),
    failed: (tally.failuresIn(from, to) + tally.refusedIn(from, to)) / Math.max(1, sent),
    leftAfter: affected.length > 0 && isOutage ? firstSecond(from, to, (share) => share < LEFT) : null,
    backAfter: affected.length > 0 ? firstSecond(backFrom, setup.seconds, (share) => share >= BACK) : null,
    peak: affected.length > 0 ? peakOf(tally, affected, backFrom) : null,
    moved: moves ? movedKeys(setup, 0, course.changes[0]!) : null,
  };
}

/** What these servers got in a second, where 1 is as much as if all servers got the same. */
function shareIn(tally: Tally, servers: readonly number[], second: number): number {
  const all = tally.requestsIn(second, second + 1);
  const theirs = sum(servers.map((server) => tally.requestsTo(server, second, second + 1)));
  return all === 0 ? 0 : (theirs / all) * (tally.servers / servers.length);
}

function peakOf(tally: Tally, servers: readonly number[], from: number): number {
  let peak = 0;
  for (let second = from; second < tally.seconds; second++) {
    for (const server of servers) peak = Math.max(peak, shareIn(tally, [server], second));
  }
  return peak;
}

function servers({ servers }: Setup): number[] {
  return Array.from({ length: servers }, (_, server) => server);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
