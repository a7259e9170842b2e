import { describe, expect, it } from 'vitest';
import type { BalancerName } from '../../src/cluster/options.ts';
import type { BreakerOptions } from '../../src/policy/options.ts';
import { contender } from './contenders.ts';
import { around, type Course, PLAIN, steadily, type Treatment } from './course.ts';
import { Simulation } from './simulation.ts';
import type { Tally } from './tally.ts';

const FAST: Treatment = { ...PLAIN, shape: around(5) };
const SLOW: Treatment = { ...PLAIN, shape: around(100) };
const FAILING: Treatment = { ...PLAIN, shape: around(1), fails: true };

/** No circuit opens: what is seen is the balancer alone. */
const NO_BREAKER = { consecutiveFailures: 0, failureRatio: 0 };

interface Case {
  readonly balancer: BalancerName;
  readonly sidecars: number;
  readonly requestsPerSecond: number;
  readonly seconds: number;
  readonly breaker: Partial<BreakerOptions>;
  readonly weights: readonly number[];
  readonly treat: Course['treat'];
}

/** Server 0 is treated specially in the seconds `from` to `to`. */
function spell(treatment: Treatment, from: number, to: number): Course['treat'] {
  return (server, second) => (server === 0 && second >= from && second < to ? treatment : FAST);
}

/** Twenty sidecars, five servers, 1000 requests a second for 40 s. */
function run({ balancer = 'p2c_ewma', breaker = {}, treat = () => FAST, ...more }: Partial<Case>): Observed {
  const options = contender(balancer, { balance: balancer }).optionsIn('a');
  const { tally } = new Simulation({
    sidecars: 20,
    servers: 5,
    subset: null,
    requestsPerSecond: 1000,
    seconds: 40,
    seed: 2026,
    ...more,
    // Nobody is judged against peers: what is seen is the balancer, and the breaker.
    optionsIn: () => ({ ...options, ejection: null, breaker: { ...options.breaker, ...breaker } }),
    course: steadily(treat),
  }).run();
  return new Observed(tally);
}

class Observed {
  constructor(private readonly tally: Tally) {}

  get refused(): number {
    return this.tally.refusedIn(0, this.tally.seconds);
  }

  /** A server's share of the requests in the seconds `from` (included) to `to` (excluded). */
  share(server: number, from: number, to: number): number {
    return this.tally.requestsTo(server, from, to) / this.tally.requestsIn(from, to);
  }

  /** The share of requests in those seconds that were refused by their server. */
  failureShare(from: number, to: number): number {
    return this.tally.failuresIn(from, to) / this.tally.requestsIn(from, to);
  }
}

describe('p2c_ewma among many sidecars', () => {
  it('spreads traffic evenly over equal servers', () => {
    const sim = run({});
    for (let server = 0; server < 5; server++) expect(Math.abs(sim.share(server, 5, 40) - 0.2)).toBeLessThan(0.02);
  });

  it('honours weights', () => {
    const sim = run({ weights: [1, 2, 3, 4, 10] });
    [0.05, 0.1, 0.15, 0.2, 0.5].forEach((fair, server) => {
      expect(Math.abs(sim.share(server, 5, 40) / fair - 1)).toBeLessThan(0.15);
    });
  });

  it('leaves a server that becomes slow within seconds, and comes back when it is fast again', () => {
    const sim = run({ seconds: 70, treat: spell(SLOW, 10, 30) });
    expect(sim.share(0, 5, 10)).toBeGreaterThan(0.15);
    expect(sim.share(0, 12, 30)).toBeLessThan(0.01);
    expect(sim.share(0, 60, 70)).toBeGreaterThan(0.15);
  });

  it('sends a server that fails at once almost nothing, with no breaker to help', () => {
    const sim = run({ breaker: NO_BREAKER, treat: spell(FAILING, 10, 30) });
    expect(sim.share(0, 10, 11)).toBeLessThan(0.04);
    expect(sim.share(0, 11, 30)).toBeLessThan(0.01);
  });

  it('gives a restarted server its share again within ten seconds, and no herd', () => {
    for (const requestsPerSecond of [100, 1000]) {
      const sim = run({ requestsPerSecond, treat: spell(FAILING, 10, 13) });
      expect(sim.share(0, 23, 33)).toBeGreaterThan(0.16);
      for (let second = 13; second < 23; second++) expect(sim.share(0, second, second + 1)).toBeLessThan(0.3);
    }
  });

  it('keeps working when every server fails for a while', () => {
    const everywhere = (_server: number, second: number) => (second >= 10 && second < 15 ? FAILING : FAST);
    const sim = run({ treat: everywhere });
    expect(sim.refused).toBeGreaterThan(1000);
    // Cool-downs are 1, 2 and 4 s by then.
    expect(sim.failureShare(15, 40)).toBe(0);
    for (let server = 0; server < 5; server++) expect(sim.share(server, 25, 40)).toBeGreaterThan(0.15);
  });
});

describe('balancers that do not look at outcomes', () => {
  it('least_request is drawn to a server that fails at once, and the breaker saves it', () => {
    const treat = spell(FAILING, 10, 30);
    const calm = { balancer: 'least_request', sidecars: 1, treat } as const;
    expect(run({ ...calm, breaker: NO_BREAKER }).share(0, 10, 30)).toBeGreaterThan(0.25);
    expect(run(calm).failureShare(10, 30)).toBeLessThan(0.002);
  });

  it('round_robin gives a slow server as much as any', () => {
    expect(run({ balancer: 'round_robin', treat: spell(SLOW, 10, 30) }).share(0, 12, 30)).toBeCloseTo(0.2, 2);
  });
});
