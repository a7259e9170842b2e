import { type Random, SeededRandom } from '../../src/base/random.ts';
import { makeBalancer } from '../../src/cluster/balancers.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { Endpoint } from '../../src/cluster/endpoint.ts';
import { hashText } from '../../src/cluster/hash.ts';
import type { ClusterOptions } from '../../src/cluster/options.ts';
import type { PickContext } from '../../src/cluster/picker.ts';
import type { EndpointSpec } from '../../src/cluster/snapshot.ts';
import type { Evidence } from '../../src/policy/evidence.ts';
import { IdleConnector, pickContext, spec } from '../support/fake-endpoint.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Course, drawMs } from './course.ts';
import { EventQueue } from './event-queue.ts';
import { LoadReports } from './load-reports.ts';
import { subsetOf } from './subsets.ts';
import { Tally } from './tally.ts';

export interface Setup {
  /** Of a sidecar in this zone. */
  optionsIn(zone: string): ClusterOptions;
  readonly sidecars: number;
  readonly servers: number;
  /** How many servers each sidecar knows; null for all. */
  readonly subset: number | null;
  /** Of all sidecars together. */
  readonly requestsPerSecond: number;
  readonly seconds: number;
  readonly weights?: readonly number[];
  readonly seed: number;
  readonly course: Course;
}

/** The clock's first instant, so that 0 stays "never". */
const START_MS = 1000;
/** A server at this many requests at once takes twice as long for each. */
const HALF_SPEED_AT = 20;
export const KEYS = 10_000;
const HOT_KEY = 0;
const ZONES = ['a', 'b', 'c'];
const PORT = 8080;

/** A request on its way: it ends at `at`. */
interface Flight {
  readonly at: number;
  readonly endpoint: Endpoint;
  readonly server: number;
  readonly ticket: number;
  readonly startedAt: number;
  readonly fails: boolean;
}

/**
 * Many sidecars in front of a few servers: real clusters, pickers, breakers and latency estimates, on simulated time. Sidecars
 * know nothing of each other; what one learns, another has to find out. There are no retries, so that what is seen is
 * balance. Arrivals, keys and times are streams of their own, so that every algorithm meets the same ones.
 */
export class Simulation {
  readonly tally: Tally;
  private readonly clock = new ManualClock(START_MS);
  private readonly flights = new EventQueue<Flight>();
  private readonly busy: Uint32Array;
  private readonly reports: LoadReports;
  private readonly clusters: readonly Cluster[];
  private readonly arrivals: Random;
  private readonly times: Random;
  private readonly keys: Random;
  private readonly context = pickContext({ hasHash: true });

  constructor(private readonly setup: Setup) {
    const { sidecars, servers, seconds, seed } = setup;
    const random = new SeededRandom(seed);
    this.arrivals = new SeededRandom(random.uint32());
    this.times = new SeededRandom(random.uint32());
    this.keys = new SeededRandom(random.uint32());
    this.tally = new Tally(servers, seconds);
    this.busy = new Uint32Array(servers);
    this.reports = new LoadReports(servers, HALF_SPEED_AT);
    this.clusters = Array.from({ length: sidecars }, (_, sidecar) =>
      makeCluster(setup.optionsIn(zoneOf(sidecar)), random.uint32(), this.clock),
    );
  }

  run(): this {
    const { seconds, requestsPerSecond, course } = this.setup;
    const endAt = START_MS + seconds * 1000;
    const changes = [0, ...course.changes].map((second) => START_MS + second * 1000);
    let nextAt = START_MS;
    for (;;) {
      nextAt -= (Math.log(1 - this.arrivals.next()) / requestsPerSecond) * 1000;
      if (nextAt >= endAt) break;
      while (changes[0]! <= nextAt) this.change(changes.shift()!);
      this.land(nextAt);
      this.goTo(nextAt);
      this.send(this.clusters[this.arrivals.below(this.clusters.length)]!);
    }
    this.land(Number.MAX_VALUE);
    return this;
  }

  private change(at: number): void {
    this.land(at);
    this.goTo(at);
    const members = membersAt(this.setup, this.second);
    for (const [sidecar, cluster] of this.clusters.entries()) {
      const ids = subsetOf(members, sidecar, this.setup.subset);
      cluster.apply({ service: 'orders', endpoints: specsOf(this.setup, ids), source: 'sim' });
    }
  }

  private get second(): number {
    return (this.clock.now() - START_MS) / 1000;
  }

  private goTo(at: number): void {
    this.clock.advance(at - this.clock.now());
  }

  /** Ends the requests that are over by then. */
  private land(until: number): void {
    while (this.flights.nextAt <= until) {
      const flight = this.flights.pop()!;
      this.goTo(flight.at);
      this.settle(flight);
    }
  }

  private send(cluster: Cluster): void {
    const { course } = this.setup;
    const { second, context } = this;
    const now = this.clock.now();
    const hotShare = course.hotShare(second);
    const isHot = hotShare > 0 && this.keys.next() < hotShare;
    setKey(context, isHot ? HOT_KEY : this.keys.below(KEYS));
    context.now = now;
    const endpoint = cluster.pick(context);
    if (endpoint === null) {
      this.tally.refused[Math.floor(second)]! += 1;
      return;
    }
    const server = serverOf(endpoint.id);
    const { shape, slowness, fails } = course.treat(server, second);
    this.tally.countRequest(server, Math.floor(second), fails);
    const ticket = endpoint.gate.admit(now);
    endpoint.active += 1;
    const crowding = fails ? 1 : 1 + this.busy[server]! / HALF_SPEED_AT;
    this.busy[server]! += 1;
    const at = now + drawMs(shape, this.times) * slowness * crowding;
    this.flights.push({ at, endpoint, server, ticket, startedAt: now, fails });
  }

  private settle({ at, endpoint, server, ticket, startedAt, fails }: Flight): void {
    const evidence: Evidence = {
      outcome: fails ? 'failure' : 'success',
      code: null,
      status: fails ? 503 : 200,
      grpcStatus: -1,
      startedAt,
      sentAt: startedAt,
      firstByteAt: at,
      pushbackMs: -1,
    };
    this.busy[server]! -= 1;
    this.reports.count(server, at - startedAt, at);
    const report = this.reports.of(server);
    if (report !== null) endpoint.reported?.read(report, at);
    endpoint.active -= 1;
    endpoint.gate.settle(ticket, evidence, at);
    endpoint.learn(evidence, at);
    if (!fails) this.tally.countTime(at - startedAt, Math.floor((startedAt - START_MS) / 1000));
  }
}

/** The cluster of one sidecar, with no endpoints yet. */
export function makeCluster(options: ClusterOptions, seed: number, clock: ManualClock): Cluster {
  const random = new SeededRandom(seed);
  return new Cluster({
    name: 'orders',
    options,
    balancer: makeBalancer(options.balancer, random),
    connectorFactory: () => new IdleConnector(),
    clock,
    random,
    listener: { onBreakerChange: () => undefined },
    later: (task) => task(),
  });
}

/** What a sidecar knows of the servers in this second of the course. */
export function specsFor(setup: Setup, sidecar: number, second: number): EndpointSpec[] {
  return specsOf(setup, subsetOf(membersAt(setup, second), sidecar, setup.subset));
}

function specsOf({ weights }: Setup, ids: readonly string[]): EndpointSpec[] {
  return ids.map((id) => specOf(serverOf(id), weights?.[serverOf(id)]));
}

function membersAt({ servers, course }: Setup, second: number): string[] {
  const members: string[] = [];
  for (let server = 0; server < servers; server++) if (course.isMember(server, second)) members.push(idOf(server));
  return members;
}

/** As discovery would describe it. */
export function specOf(server: number, weight = 1): EndpointSpec {
  return spec(idOf(server), { host: hostOf(server), port: PORT, weight, zone: zoneOf(server) });
}

/** Sidecars and servers are dealt to the zones in turn. */
export function zoneOf(index: number): string {
  return ZONES[index % ZONES.length]!;
}

export function idOf(server: number): string {
  return `${hostOf(server)}:${PORT}/orders-${server}`;
}

/** Everyone has an address of its own: some algorithms know endpoints by that. */
function hostOf(server: number): string {
  return `10.${server >> 16}.${(server >> 8) & 255}.${server & 255}`;
}

function serverOf(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}

/** Makes the context ask for a key. */
export function setKey(context: PickContext, key: number): void {
  context.hashHigh = KEY_HASHES[2 * key]!;
  context.hashLow = KEY_HASHES[2 * key + 1]!;
}

const KEY_HASHES = keyHashes();

function keyHashes(): Uint32Array {
  const hashes = new Uint32Array(2 * KEYS);
  const hash = { hashHigh: 0, hashLow: 0 };
  for (let key = 0; key < KEYS; key++) {
    hashText(`user-${key}`, hash);
    hashes[2 * key] = hash.hashHigh;
    hashes[2 * key + 1] = hash.hashLow;
  }
  return hashes;
}
