import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import { type CheckStatus, type ConsulApi, checkIdOf, type Registered } from './consul-api.ts';
import { ConsulError, describeError } from './consul-error.ts';
import type { RegistrationOptions } from './options.ts';

const READINESS_STEP_MS = 250;
const RETRY_FLOOR_MS = 500;
/** For one call while the sidecar stops, at most: its own time is limited. */
const FAREWELL_MS = 3_000;

/**
 * Always the same words for the same state: Consul wakes every watcher of the service when a check's output changes.
 */
const OUTPUT: Readonly<Record<CheckStatus, string>> = {
  passing: 'remora and the application behind it are ready',
  warning: 'remora is degraded',
  critical: 'remora or the application behind it is not ready',
};

/** What the rest of the program knows. */
export interface Surroundings {
  /** May peers send their calls here? */
  isReady(): boolean;
  /** Does somebody else accept connections where this registration leads? */
  isServed(registered: Registered): Promise<boolean>;
}

/**
 * Keeps the local service in Consul's catalog for as long as this sidecar lives.
 *
 * Three heartbeats per TTL carry the sidecar's readiness; a change of it is told at once. Registering is idempotent, so
 * whatever goes wrong has one remedy: register again. An agent that has lost its data says so by not knowing our check;
 * an agent that was away may have, so the first success after a failure registers too.
 *
 * An id is one agent's, and two sidecars that were given the same would take the place from one another at every start
 * and put each other out at every stop, while the heartbeats of one vouch for the other. So the place under the id is
 * looked at before each heartbeat, and whoever is there and alive keeps it: the other one says what is wrong, touches
 * nothing, and waits. What an earlier run left behind, on another port perhaps, is nobody's: nothing accepts there, or
 * its TTL has run out, and it is taken over at once. So is the place of one that is leaving, which is the one before us
 * in a rolling restart, and peers miss nobody. Between look and deed is a moment in which another may come; it finds
 * out at its next heartbeat.
 *
 * Nothing here throws into the caller: Consul is never a reason for a sidecar not to work or not to stop.
 */
export class Registration {
  /** Why Consul may not list the service as it should, for an operator. */
  problem: string | null = 'not registered yet';
  private readonly ends = new AbortController();
  /** Consul has our registration, as far as anybody knows. */
  private isKnown = false;
  private drainReason: string | null = null;
  private loop: Promise<void> | null = null;

  constructor(
    private readonly api: ConsulApi,
    private readonly service: RegistrationOptions,
    private readonly surroundings: Surroundings,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Log,
  ) {}

  start(): void {
    this.loop ??= this.run(this.ends.signal);
  }

  /** Into maintenance, so that peers drain us before we stop. False when Consul could not be told. */
  async drain(reason: string, withinMs = FAREWELL_MS): Promise<boolean> {
    this.drainReason = reason;
    return this.bid((signal) => this.api.maintenance(this.service.id, true, reason, signal), withinMs);
  }

  /** Stops the heartbeats, then takes the service out. False when Consul could not be told; the TTL will. */
  async deregister(withinMs = FAREWELL_MS): Promise<boolean> {
    this.ends.abort();
    if (this.loop === null) return true; // Never started: what stands under this id is not ours to take out.
    await this.loop;
    return this.bid((signal) => this.api.deregister(this.service.id, signal), withinMs);
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { id, ttlMs } = this.service;
    let failures = 0;
    while (!signal.aborted) {
      const told = this.status;
      let pauseMs = ttlMs / 3;
      try {
        const rival = await this.findRival(signal);
        if (rival === null) {
          if (!this.isKnown) await this.register(told, signal);
          this.isKnown = await this.api.updateCheck(checkIdOf(id), told, OUTPUT[told], signal);
        }
        failures = this.isKnown || rival !== null ? 0 : failures + 1;
        if (rival !== null) this.noteRival(rival);
        else this.note(this.isKnown ? null : 'Consul has forgotten the service');
      } catch (error) {
        if (signal.aborted) return;
        this.isKnown = false;
        failures += 1;
        this.note(describeError(error));
      }
      // The first remedy is free, the next ones wait: an agent that forgets us every time must not be flooded.
      if (failures > 0) pauseMs = failures === 1 ? 0 : Math.min(pauseMs, this.retryMs(failures));
      await this.rest(pauseMs, told, signal);
    }
  }

  /** Who holds our id and is alive; null when it is free, or ours to take. */
  private async findRival(signal: AbortSignal): Promise<Registered | null> {
    const { id } = this.service;
    const held = await this.api.registered(id, signal);
    if (held === null || this.isOurs(held)) return null;
    this.isKnown = false;
    if (!held.isForsaken && (await this.surroundings.isServed(held))) return held;
    this.log.info('registration_taken_over', { service: id, from: placeOf(held) });
    return null;
  }

  private isOurs({ address, port }: Registered): boolean {
    return address === this.service.address && port === this.service.port;
  }

  private async register(status: CheckStatus, signal: AbortSignal): Promise<void> {
    await this.api.register(this.service, status, signal);
    // A catalog that has forgotten the service has forgotten that it is leaving, too.
    if (this.drainReason !== null) await this.api.maintenance(this.service.id, true, this.drainReason, signal);
  }

  private note(problem: string | null): void {
    if (problem !== this.problem) {
      if (problem === null) this.log.info('registered', { service: this.service.id });
      else this.log.warn('registration_problem', { service: this.service.id, problem });
    }
    this.problem = problem;
  }

  private noteRival(rival: Registered): void {
    const { id } = this.service;
    const problem = `${heldBy(id, rival)}; each instance on a Consul agent needs a service.id of its own`;
    const isSuccessor = this.drainReason !== null;
    if (problem !== this.problem && !isSuccessor) this.log.error('registration_conflict', { service: id, problem });
    this.problem = problem;
  }

  private get status(): CheckStatus {
    return this.surroundings.isReady() ? 'passing' : 'critical';
  }

  private retryMs(failures: number): number {
    return RETRY_FLOOR_MS * (1 + this.random.next()) * 2 ** Math.min(failures, 6);
  }

  /** Until the next heartbeat is due or there is something else to tell. */
  private async rest(ms: number, told: CheckStatus, signal: AbortSignal): Promise<void> {
    const until = this.clock.now() + ms;
    while (!signal.aborted && this.clock.now() < until && (this.problem !== null || this.status === told)) {
      await sleep(this.clock, Math.min(READINESS_STEP_MS, until - this.clock.now()), signal);
    }
  }

  private async bid(call: (signal: AbortSignal) => Promise<void>, withinMs: number): Promise<boolean> {
    const limit = new AbortController();
    const done = new AbortController();
    void sleep(this.clock, Math.min(withinMs, FAREWELL_MS), done.signal).then(() => limit.abort());
    try {
      const held = await this.api.registered(this.service.id, limit.signal);
      if (held !== null && !this.isOurs(held)) throw new ConsulError(heldBy(this.service.id, held));
      await call(limit.signal);
      return true;
    } catch (error) {
      this.note(describeError(error));
      return false;
    } finally {
      done.abort();
    }
  }
}

function heldBy(id: string, holder: Registered): string {
  return `the id "${id}" is held by ${placeOf(holder)}`;
}

function placeOf({ address, port }: Registered): string {
  return `${address === '' ? "the agent's address" : address}:${port}`;
}
