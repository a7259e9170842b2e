import { type Random, SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { Endpoint } from '../../src/cluster/endpoint.ts';
import type { BalancerName } from '../../src/cluster/options.ts';
import { DEFAULT_TREE } from '../../src/cluster/tree/options.ts';
import type { Evidence } from '../../src/policy/evidence.ts';
import { type BreakerOptions, DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { IdleConnector, pickContext, spec } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** How a server treats a request at one moment. */
export interface Treatment {
  /** Mean time to the answer when it has nothing else to do. */
  readonly meanMs: number;
  readonly fails: boolean;
}

export interface Scenario {
  readonly balancer: BalancerName;
  readonly clients: number;
  readonly servers: number;
  /** Of all clients together. */
  readonly requestsPerSecond: number;
  readonly seconds: number;
  readonly breaker?: Partial<BreakerOptions>;
  readonly weights?: readonly number[];
  readonly treat: (server: number, second: number) => Treatment;
}

/** What one server got and gave in one second. */
interface Tally {
  requests: number;
  failures: number;
}

/** A server at this many requests at once takes twice as long for each. */
const HALF_SPEED_AT = 20;

/**
 * Many sidecars in front of a few servers: real clusters, pickers, breakers and latency estimates, on simulated time. Clients
 * know nothing of each other; what one learns, another has to find out. There are no retries, so that what is seen is balance.
 */
export class Simulation {
  readonly tallies: Tally[][];
  refused = 0;
  private readonly clock = new ManualClock();
  private readonly random: Random = new SeededRandom(2026);
  private readonly events = new EventQueue();
  private readonly busy: number[];

  constructor(private readonly scenario: Scenario) {
    this.busy = new Array<number>(scenario.servers).fill(0);
    this.tallies = this.busy.map(() => Array.from({ length: scenario.seconds }, () => ({ requests: 0, failures: 0 })));
  }

  run(): this {
    for (let i = 0; i < this.scenario.clients; i++) this.arriveAt(this.nextArrival(0), this.makeCluster());
    for (let event = this.events.pop(); event !== null; event = this.events.pop()) {
      this.clock.advance(event.at + 1000 - this.clock.now());
      event.happen();
    }
    return this;
  }

  /** A server's share of the requests in the seconds `from` (included) to `to` (excluded). */
  share(server: number, from: number, to: number): number {
    return this.sum(server, from, to).requests / this.total(from, to).requests;
  }

  /** The share of requests in those seconds that were refused by their server. */
  failureShare(from: number, to: number): number {
    const { requests, failures } = this.total(from, to);
    return failures / requests;
  }

  private total(from: number, to: number): Tally {
    return add(this.tallies.map((_, server) => this.sum(server, from, to)));
  }

  private sum(server: number, from: number, to: number): Tally {
    return add(this.tallies[server]!.slice(from, to));
  }

  private makeCluster(): Cluster {
    const { balancer, breaker, servers, weights } = this.scenario;
    const random = new SeededRandom(this.random.uint32());
    const cluster = new Cluster({
      name: 'orders',
      options: {
        balancer: { name: balancer },
        tree: DEFAULT_TREE,
        lenses: [],
        breaker: { ...DEFAULT_BREAKER, ...breaker },
      },
      balancer: makeBalancer({ name: balancer }, random),
      connectorFactory: () => new IdleConnector(),
      clock: this.clock,
      random,
      listener: { onBreakerChange: () => undefined },
      later: (task) => task(),
    });
    const endpoints = Array.from({ length: servers }, (_, i) => spec(String(i), { weight: weights?.[i] ?? 1 }));
    cluster.apply({ service: 'orders', endpoints, source: 'sim' });
    return cluster;
  }

  private nextArrival(now: number): number {
    const perClient = this.scenario.requestsPerSecond / this.scenario.clients / 1000;
    return now - Math.log(1 - this.random.next()) / perClient;
  }

  private arriveAt(at: number, cluster: Cluster): void {
    if (at >= this.scenario.seconds * 1000) return;
    this.events.push(at, () => {
      this.send(at, cluster);
      this.arriveAt(this.nextArrival(at), cluster);
    });
  }

  private send(at: number, cluster: Cluster): void {
    const endpoint = cluster.pick(pickContext({ now: this.clock.now() }));
    if (endpoint === null) {
      this.refused += 1;
      return;
    }
    const server = Number(endpoint.id);
    const second = Math.floor(at / 1000);
    const { meanMs, fails } = this.scenario.treat(server, second);
    const tally = this.tallies[server]![second]!;
    tally.requests += 1;
    if (fails) tally.failures += 1;
    const ticket = endpoint.gate.admit(this.clock.now());
    endpoint.active += 1;
    const loaded = 1 + this.busy[server]! / HALF_SPEED_AT;
    this.busy[server]! += 1;
    const tookMs = meanMs * loaded * (0.5 + this.random.next());
    const startedAt = this.clock.now();
    this.events.push(at + tookMs, () => {
      this.busy[server]! -= 1;
      this.settle(endpoint, ticket, fails, startedAt);
    });
  }

  private settle(endpoint: Endpoint, ticket: number, fails: boolean, startedAt: number): void {
    const now = this.clock.now();
    const evidence: Evidence = {
      outcome: fails ? 'failure' : 'success',
      code: null,
      status: fails ? 503 : 200,
      grpcStatus: -1,
      startedAt,
      sentAt: startedAt,
      firstByteAt: now,
      pushbackMs: -1,
    };
    endpoint.active -= 1;
    endpoint.gate.settle(ticket, evidence, now);
    endpoint.learn(evidence, now);
  }
}

function add(tallies: readonly Tally[]): Tally {
  return {
    requests: tallies.reduce((sum, tally) => sum + tally.requests, 0),
    failures: tallies.reduce((sum, tally) => sum + tally.failures, 0),
  };
}

interface SimulatedEvent {
  readonly at: number;
  readonly happen: () => void;
}

/** Events in the order of their times: a binary heap. */
class EventQueue {
  private readonly heap: SimulatedEvent[] = [];

  push(at: number, happen: () => void): void {
    const { heap } = this;
    let i = heap.length;
    heap.push({ at, happen });
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.at <= at) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = { at, happen };
  }

  pop(): SimulatedEvent | null {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}
