import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import { Cell, type Watch } from '../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource, EndpointSpec, ServiceQuery } from '../cluster/snapshot.ts';
import { BlockingQuery, type PollTarget } from './blocking-query.ts';
import type { ConsulAnswer, ConsulApi } from './consul-api.ts';
import { ConsulError, describeError } from './consul-error.ts';
import { LossGuard } from './loss-guard.ts';

const CONFIRM_AFTER_MS = 5_000;
/** After trouble the catalog may be new and empty, and services need a heartbeat or two to come back to it. */
const CONFIRM_AFTER_TROUBLE_MS = 30_000;
const CONFIRM_TIMEOUT_MS = 10_000;

export interface ConsulSourceOptions {
  readonly waitMs?: number;
  readonly confirmAfterMs?: number;
  readonly confirmAfterTroubleMs?: number;
}

/**
 * Services from Consul's health endpoint.
 *
 * Reads with `stale`: any server may answer, so a lost leader or quorum does not silence discovery, and servers share
 * the load. What that costs in certainty the guard pays back: a loss is confirmed by the leader, without index or cache.
 */
export class ConsulSource implements DiscoverySource {
  constructor(
    private readonly api: ConsulApi,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Log,
    private readonly options: ConsulSourceOptions = {},
  ) {}

  /** `seed`: what an earlier run believed. It is not published, but a loss is judged against it. */
  follow(query: ServiceQuery, signal: AbortSignal, seed: ClusterSnapshot | null = null): Watch<ClusterSnapshot> {
    const guard = new LossGuard(seed?.endpoints ?? null);
    const follower = new ServiceFollower(
      query,
      this.api,
      guard,
      this.clock,
      this.random,
      this.log,
      this.options,
      signal,
    );
    const poll = new BlockingQuery<HealthAnswer>(
      (request, ends) => this.api.health(query, { ...request, mode: 'stale' }, ends),
      follower,
      this.clock,
      this.random,
      () => this.api.hasNewToken(),
      this.options.waitMs,
    );
    void poll.run(signal);
    return follower.cell;
  }
}

type HealthAnswer = ConsulAnswer<readonly EndpointSpec[]>;

class ServiceFollower implements PollTarget<HealthAnswer> {
  readonly cell: Cell<ClusterSnapshot>;
  private highest = 0n;
  private hadTrouble = false;
  private isConfirming = false;

  constructor(
    private readonly query: ServiceQuery,
    private readonly api: ConsulApi,
    private readonly guard: LossGuard,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Log,
    private readonly options: ConsulSourceOptions,
    private readonly signal: AbortSignal,
  ) {
    this.cell = new Cell(clock);
  }

  onAnswer(answer: HealthAnswer): void {
    if (answer.value.length === 0 && this.cell.value === null && !answer.knowsLeader) {
      throw new ConsulError('an empty list from a server that knows no leader says nothing');
    }
    const wasRewound = answer.index !== null && answer.index < this.highest;
    this.highest = answer.index ?? this.highest;
    const patienceMs =
      this.hadTrouble || wasRewound
        ? (this.options.confirmAfterTroubleMs ?? CONFIRM_AFTER_TROUBLE_MS)
        : (this.options.confirmAfterMs ?? CONFIRM_AFTER_MS);
    this.hadTrouble = false;
    this.publish(this.guard.offer(answer.value, this.clock.now(), patienceMs), answer.knowsLeader);
    if (this.guard.isHolding && !this.isConfirming) void this.confirm();
  }

  onUnchanged(answer: HealthAnswer): void {
    this.hadTrouble = false;
    this.vouch(answer.knowsLeader);
  }

  onPollProblem(problem: string): void {
    this.hadTrouble = true;
    this.complain(problem);
  }

  private publish(endpoints: readonly EndpointSpec[], knowsLeader: boolean): void {
    const before = this.cell.value;
    if (before === null || JSON.stringify(before.endpoints) !== JSON.stringify(endpoints)) {
      this.cell.set({ service: this.query.service, endpoints, source: 'consul' });
    }
    this.vouch(knowsLeader);
  }

  /** A server without a leader repeats what it last heard: good enough to keep, no proof that it is still so. */
  private vouch(knowsLeader: boolean): void {
    if (this.guard.doubt !== null) return this.complain(this.guard.doubt);
    if (!knowsLeader) return this.complain('the Consul server that answers knows no leader');
    if (this.cell.problem !== null) this.log.info('consul_recovered', { service: this.query.service });
    this.cell.confirm();
  }

  private complain(problem: string): void {
    if (problem !== this.cell.problem) this.log.warn('consul_problem', { service: this.query.service, problem });
    this.cell.fail(problem);
  }

  /** Asks the leader until the doubt is settled one way or the other. */
  private async confirm(): Promise<void> {
    this.isConfirming = true;
    while (this.guard.isHolding && !this.signal.aborted) {
      const waitMs = this.guard.confirmAt - this.clock.now();
      if (waitMs > 0) {
        await sleep(this.clock, waitMs, this.signal);
        continue;
      }
      await this.askLeader().catch((error: unknown) => {
        this.complain(`${this.guard.doubt ?? ''} (${describeError(error)})`);
      });
      const pauseMs = (this.options.confirmAfterMs ?? CONFIRM_AFTER_MS) * (1 + this.random.next());
      if (this.guard.isHolding) this.guard.postpone(this.clock.now() + pauseMs);
    }
    this.isConfirming = false;
  }

  private async askLeader(): Promise<void> {
    const read = { mode: 'leader', index: 0n, waitMs: 0, timeoutMs: CONFIRM_TIMEOUT_MS } as const;
    const answer = await this.api.health(this.query, read, this.signal);
    if (!answer.knowsLeader) throw new ConsulError('no leader confirms it');
    if (answer.isFiltered) throw new ConsulError('the token may not see all of it');
    // A token that has been deleted is refused everywhere; one without rights reads as emptiness.
    await this.api.checkToken(this.signal);
    if (this.guard.isHolding && !this.signal.aborted) this.publish(this.guard.confirm(answer.value), true);
  }
}
