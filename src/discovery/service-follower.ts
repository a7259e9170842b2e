import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import { Cell } from '../base/watch.ts';
import type { ClusterSnapshot, EndpointSpec, ServiceQuery } from '../cluster/snapshot.ts';
import type { PollTarget } from './blocking-query.ts';
import type { AclResource, ConsulApi, HealthAnswer, Rights } from './consul-api.ts';
import { ConsulError, describeError } from './consul-error.ts';
import type { LossGuard } from './loss-guard.ts';

const CONFIRM_AFTER_MS = 5_000;
/** After trouble the catalog may be new and empty, and services need a heartbeat or two to come back to it. */
const CONFIRM_AFTER_TROUBLE_MS = 30_000;
const CONFIRM_TIMEOUT_MS = 10_000;
/** Agents remember what a token may do for half a minute, and say yes while the servers, who filter, say no already. */
const RIGHTS_MEMORY_MS = 40_000;

export interface Patience {
  readonly confirmAfterMs?: number;
  readonly confirmAfterTroubleMs?: number;
  readonly rightsMemoryMs?: number;
}

/**
 * Turns the answers about one service into what traffic believes.
 *
 * Emptiness is the one answer that a token without rights, too, would get (200, and in older versions not a mark on
 * it), so it is never taken at its word. A loss is believed when the leader repeats it and the token is proved to have
 * the rights to see what is missing; where there are ACLs, twice, with more time in between than agents remember rights
 * for. Without such proof the endpoints are held for ever. A first empty answer takes nothing away and is published,
 * with what speaks against it as the problem.
 */
export class ServiceFollower implements PollTarget<HealthAnswer> {
  readonly cell: Cell<ClusterSnapshot>;
  private highest = 0n;
  private hadTrouble = false;
  private isConfirming = false;
  /** What the trusted endpoints were read under. */
  private resources: readonly AclResource[] = [];
  /** The first of the two reads that a loss takes where there are ACLs. */
  private proved: { readonly missing: string; readonly at: number } | null = null;
  private isChecking = false;
  /** Why the list that is published as empty may not be. */
  private suspicion: string | null = null;
  private said: string | null = null;

  constructor(
    private readonly query: ServiceQuery,
    private readonly api: ConsulApi,
    private readonly guard: LossGuard,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Log,
    private readonly patience: Patience,
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
        ? (this.patience.confirmAfterTroubleMs ?? CONFIRM_AFTER_TROUBLE_MS)
        : (this.patience.confirmAfterMs ?? CONFIRM_AFTER_MS);
    this.hadTrouble = false;
    this.publish(answer, this.guard.offer(answer.value, this.clock.now(), patienceMs));
    if (this.guard.isHolding && !this.isConfirming) void this.confirm();
  }

  onUnchanged(answer: HealthAnswer): void {
    this.hadTrouble = false;
    this.vouch(answer);
  }

  onPollProblem(problem: string): void {
    this.hadTrouble = true;
    this.complain(problem);
  }

  private publish(answer: HealthAnswer, endpoints: readonly EndpointSpec[]): void {
    if (!this.guard.isHolding) this.proved = null;
    if (!this.guard.isHolding && answer.resources.length > 0) this.resources = answer.resources;
    const before = this.cell.value;
    if (before === null || JSON.stringify(before.endpoints) !== JSON.stringify(endpoints)) {
      this.cell.set({ service: this.query.service, endpoints, source: 'consul' });
    }
    this.vouch(answer);
  }

  /** A server without a leader repeats what it last heard: good enough to keep, no proof that it is still so. */
  private vouch(answer: HealthAnswer): void {
    if (this.guard.doubt !== null) return this.complain(this.guard.doubt);
    if (!answer.knowsLeader) return this.complain('the Consul server that answers knows no leader');
    const isBare = answer.value.length === 0 && answer.skipped.length === 0;
    if (!isBare) this.suspicion = null;
    else if (answer.isFiltered) this.suspicion = 'Consul lists no endpoints that the token may see';
    else void this.examineEmptiness();
    if (this.suspicion !== null) return this.complain(this.suspicion);
    this.cell.confirm();
    if (answer.skipped.length > 0) return this.complain(`instances are left out: ${answer.skipped.join(', ')}`);
    this.recover();
  }

  private recover(): void {
    this.cell.confirm();
    if (this.said !== null) this.log.info('consul_recovered', { service: this.query.service });
    this.said = null;
  }

  private complain(problem: string): void {
    if (problem !== this.said) this.log.warn('consul_problem', { service: this.query.service, problem });
    this.said = problem;
    this.cell.fail(problem);
  }

  private async examineEmptiness(): Promise<void> {
    if (this.isChecking) return;
    this.isChecking = true;
    const before = this.suspicion;
    const why = await this.rights().then(() => null, describeError);
    this.isChecking = false;
    // Somebody is listed by now, or there is something else to complain about.
    if (this.signal.aborted || this.cell.value?.endpoints.length !== 0 || this.cell.problem !== before) return;
    this.suspicion = why === null ? null : `Consul lists no endpoints, and that may be untrue: ${why}`;
    if (this.suspicion !== null) this.complain(this.suspicion);
    else if (before !== null) this.recover();
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
        if (this.guard.doubt !== null) this.complain(`${this.guard.doubt} (${describeError(error)})`);
      });
      const pauseMs = (this.patience.confirmAfterMs ?? CONFIRM_AFTER_MS) * (1 + this.random.next());
      if (this.guard.isHolding) this.guard.postpone(this.clock.now() + pauseMs);
    }
    this.isConfirming = false;
  }

  private async askLeader(): Promise<void> {
    const read = { mode: 'leader', index: 0n, waitMs: 0, timeoutMs: CONFIRM_TIMEOUT_MS } as const;
    // Before and after: the token may be another one by now.
    const before = await this.rights();
    const answer = await this.api.health(this.query, read, this.signal);
    if (!answer.knowsLeader) throw new ConsulError('no leader confirms it');
    if (answer.isFiltered) throw new ConsulError('the token may not see all of it');
    const after = await this.rights();
    if (!this.guard.isHolding || this.signal.aborted) return;
    if (before === 'granted' || after === 'granted') this.outlastMemory(answer);
    this.publish(answer, this.guard.confirm(answer.value));
  }

  private rights(): Promise<Rights> {
    const { service } = this.query;
    const seen = this.resources.filter(({ kind, name }) => kind !== 'service' || name !== service);
    const nodes: readonly AclResource[] = this.resources.length === 0 ? [{ kind: 'node', name: '' }] : seen;
    return this.api.checkRights([{ kind: 'service', name: service }, ...nodes], this.query, this.signal);
  }

  /**
   * Throws until the same loss has been read twice, so far apart that the rights of the first read are known by now.
   */
  private outlastMemory(answer: HealthAnswer): void {
    const missing = this.guard.missingFrom(answer.value);
    if (missing === '') return;
    const now = this.clock.now();
    if (this.proved?.missing !== missing) this.proved = { missing, at: now };
    if (now - this.proved.at < (this.patience.rightsMemoryMs ?? RIGHTS_MEMORY_MS)) {
      throw new ConsulError('the leader says so too, and is asked again until agents have forgotten old rights');
    }
  }
}
