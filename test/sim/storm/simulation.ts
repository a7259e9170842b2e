import type { Random } from '../../../src/base/random.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Cluster } from '../../../src/cluster/cluster.ts';
import type { Endpoint } from '../../../src/cluster/endpoint.ts';
import { type Backoff, FullJitter } from '../../../src/policy/backoff.ts';
import { RetryBudget } from '../../../src/policy/budget.ts';
import type { Evidence, Outcome } from '../../../src/policy/evidence.ts';
import type { Ticket } from '../../../src/policy/gate.ts';
import { pickContext } from '../../support/fake-endpoint.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { EventQueue } from '../event-queue.ts';
import { makeCluster, specOf } from '../simulation.ts';
import type { Policy } from './policies.ts';
import { Server } from './server.ts';
import type { Storm } from './storms.ts';
import { StormTally } from './tally.ts';

export interface StormSetup {
  readonly sidecars: number;
  readonly servers: number;
  readonly seconds: number;
  readonly seed: number;
}

const START_MS = 1000;
const PLACES = 10;
const SERVICE_MS = 50;
/** Refusing is quick. */
const REFUSAL_MS = 1;
const ATTEMPT_TIMEOUT_MS = 500;
/** Two seconds of work: whoever comes behind has no chance to be served in its time. */
const LONGEST_LINE = (2000 / SERVICE_MS) * PLACES;

/** Requests per second of all sidecars together. */
export function offeredTo({ utilization }: Storm, { servers }: Pick<StormSetup, 'servers'>): number {
  return (utilization * servers * PLACES * 1000) / SERVICE_MS;
}

/** One caller: a cluster, a budget and waits of its own, and nobody tells it anything. */
interface Sidecar {
  readonly cluster: Cluster;
  readonly budget: RetryBudget;
  readonly backoff: Backoff;
}

/** A request of a client, all attempts included. */
interface Request {
  readonly sidecar: Sidecar;
  readonly askedAt: number;
  readonly tried: Endpoint[];
}

interface Attempt {
  readonly request: Request;
  readonly endpoint: Endpoint;
  readonly ticket: Ticket;
  readonly startedAt: number;
  readonly server: number;
  isOver: boolean;
}

type Happening =
  | { readonly at: number; readonly what: 'served' | 'refused' | 'late'; readonly attempt: Attempt }
  | { readonly at: number; readonly what: 'again'; readonly request: Request };

/**
 * Many sidecars that try again, in front of servers that can do only so much: real clusters, breakers, budgets and waits on
 * simulated time. Arrivals and times come from the seed and are the same for every policy.
 */
export class StormSimulation {
  readonly tally: StormTally;
  private readonly clock = new ManualClock(START_MS);
  private readonly events = new EventQueue<Happening>();
  private readonly servers: readonly Server<Attempt>[];
  private readonly sidecars: readonly Sidecar[];
  private readonly arrivals: Random;
  private readonly times: Random;
  private readonly avoid: Endpoint[] = [];
  private readonly context = pickContext({ avoid: this.avoid });

  constructor(
    private readonly setup: StormSetup,
    private readonly storm: Storm,
    private readonly policy: Policy,
  ) {
    const random = new SeededRandom(setup.seed);
    this.arrivals = new SeededRandom(random.uint32());
    this.times = new SeededRandom(random.uint32());
    this.tally = new StormTally(setup.seconds);
    this.servers = Array.from({ length: setup.servers }, () => new Server<Attempt>(PLACES, LONGEST_LINE));
    const { cluster, retry } = policy;
    this.sidecars = Array.from({ length: setup.sidecars }, () => ({
      cluster: makeCluster(cluster, random.uint32(), this.clock),
      budget: new RetryBudget(retry.budget),
      backoff: new FullJitter(retry, new SeededRandom(random.uint32())),
    }));
  }

  run(): this {
    const { seconds } = this.setup;
    const { changes } = this.storm;
    const perMs = offeredTo(this.storm, this.setup) / 1000;
    const endAt = START_MS + seconds * 1000;
    const changesAt = [0, ...changes].map((second) => START_MS + second * 1000);
    for (let nextAt = START_MS; ; ) {
      nextAt -= Math.log(1 - this.arrivals.next()) / perMs;
      if (nextAt >= endAt) break;
      while (changesAt[0]! <= nextAt) this.discover(changesAt.shift()!);
      this.happen(nextAt);
      this.goTo(nextAt);
      const sidecar = this.sidecars[this.arrivals.below(this.sidecars.length)]!;
      this.tally.count('requests', this.second);
      sidecar.budget.deposit(nextAt);
      this.attempt({ sidecar, askedAt: nextAt, tried: [] });
    }
    this.happen(Number.MAX_VALUE);
    return this;
  }

  private get second(): number {
    return (this.clock.now() - START_MS) / 1000;
  }

  private goTo(at: number): void {
    this.clock.advance(at - this.clock.now());
  }

  private discover(at: number): void {
    this.happen(at);
    this.goTo(at);
    const there = this.servers.map((_, server) => server).filter((server) => this.conditionOf(server).isThere);
    const endpoints = there.map((server) => specOf(server));
    for (const { cluster } of this.sidecars) cluster.apply({ service: 'orders', endpoints, source: 'sim' });
  }

  private conditionOf(server: number) {
    return this.storm.conditionOf(server, Math.min(this.second, this.setup.seconds));
  }

  private happen(until: number): void {
    while (this.events.nextAt <= until) {
      const event = this.events.pop()!;
      this.goTo(event.at);
      if (event.what === 'again') this.attempt(event.request);
      else if (event.what === 'late') this.settle(event.attempt, 'failure', false);
      else if (event.what === 'refused') this.settle(event.attempt, 'failure', true);
      else this.served(event.attempt);
    }
  }

  private attempt(request: Request): void {
    const { clock, context, avoid } = this;
    const now = clock.now();
    avoid.splice(0, avoid.length, ...request.tried);
    context.now = now;
    const endpoint = request.sidecar.cluster.pick(context);
    if (endpoint === null) return this.end(request, false);
    const server = Number(endpoint.id.slice(endpoint.id.lastIndexOf('-') + 1));
    const ticket = endpoint.gate.admit(now);
    const attempt: Attempt = { request, endpoint, ticket, startedAt: now, server, isOver: false };
    endpoint.active += 1;
    request.tried.push(endpoint);
    this.tally.count('attempts', this.second);
    const verdict = this.conditionOf(server).fails ? 'refused' : this.servers[server]!.take(attempt);
    if (verdict === 'refused') return this.events.push({ at: now + REFUSAL_MS, what: 'refused', attempt });
    this.events.push({ at: now + ATTEMPT_TIMEOUT_MS, what: 'late', attempt });
    if (verdict === 'begin') this.serve(attempt);
  }

  private serve(attempt: Attempt): void {
    const ms = SERVICE_MS * (0.5 + this.times.next()) * this.conditionOf(attempt.server).slowness;
    this.events.push({ at: this.clock.now() + ms, what: 'served', attempt });
  }

  private served(attempt: Attempt): void {
    const next = this.servers[attempt.server]!.done();
    if (next !== null) this.serve(next);
    this.settle(attempt, 'success', true);
  }

  private settle(attempt: Attempt, outcome: Outcome, isAnswered: boolean): void {
    if (attempt.isOver) return;
    attempt.isOver = true;
    const { endpoint, request, ticket, startedAt } = attempt;
    const now = this.clock.now();
    const seen = evidenceOf(outcome, startedAt, isAnswered ? now : 0);
    endpoint.active -= 1;
    endpoint.gate.settle(ticket, seen, now);
    endpoint.learn(seen, now);
    if (outcome === 'success') this.end(request, true);
    else this.retry(request, now);
  }

  private retry(request: Request, now: number): void {
    const { sidecar, tried } = request;
    const mayRetry = tried.length < this.policy.retry.maxAttempts && sidecar.budget.tryWithdraw(now);
    if (!mayRetry) return this.end(request, false);
    this.events.push({ at: now + sidecar.backoff.delayMs(tried.length), what: 'again', request });
  }

  /** What becomes of a request counts for the second in which it was asked. */
  private end({ askedAt }: Request, isGood: boolean): void {
    const second = (askedAt - START_MS) / 1000;
    if (isGood) this.tally.good(second, this.clock.now() - askedAt);
  }
}

function evidenceOf(outcome: Outcome, startedAt: number, firstByteAt: number): Evidence {
  return {
    outcome,
    code: firstByteAt === 0 ? 'attempt_timeout' : null,
    status: firstByteAt === 0 ? 0 : outcome === 'success' ? 200 : 503,
    grpcStatus: -1,
    startedAt,
    sentAt: startedAt,
    firstByteAt,
    pushbackMs: -1,
  };
}
