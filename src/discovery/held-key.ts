import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import type { ConsulApi } from './consul-api.ts';
import { ConsulError, describeError } from './consul-error.ts';

/** Consul takes the key away between one and two of these after the last renewal. */
export const SESSION_TTL_MS = 30_000;
/** Four requests a minute. */
const RENEW_MS = SESSION_TTL_MS / 2;
/** Somebody may have deleted the key: it is read once in so many renewals. */
const RENEWALS_A_LOOK = 4;
/** At most one write in this time, whatever happens. */
export const MIN_WRITE_MS = 5_000;
/** A change that concerns a thousand processes at once is not written by all of them at once. */
export const SPREAD_MS = 3_000;
const RETRY_FLOOR_MS = 2_000;
const RETRY_CAP_MS = 15_000;
/** Where asking again will not help. */
const LASTING_MS = 60_000;
/** For one call while the process stops. */
const FAREWELL_MS = 1_000;

/**
 * Keeps one key of Consul's KV store at a text for as long as this process lives: it is held by a session, and Consul
 * deletes it when the session is destroyed or renewed no more.
 *
 * The newest text is written, what lay between never. Nothing is written that stands there already. A session that
 * Consul has forgotten is made anew; a key that another session holds is left to it and asked for again: that is what
 * ran here before and was killed, whose session ends within a minute, or another process of the same name. Without the
 * rights it is said once and tried again once a minute.
 */
export class HeldKey {
  /** Why Consul may not have the newest text, for an operator. */
  problem: string | null = null;
  private readonly ends = new AbortController();
  private wake = new AbortController();
  private loop: Promise<void> | null = null;
  private wanted: string | null = null;
  /** What Consul has, as far as anybody knows. */
  private written: string | null = null;
  private session: string | null = null;
  private renewAt = 0;
  private renewals = 0;
  /** The next write is no sooner: it was written, or changed, a moment ago. */
  private writeAt = 0;

  constructor(
    private readonly api: ConsulApi,
    private readonly key: string,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Log,
  ) {}

  /** From now on the key is to say this. */
  put(text: string): void {
    if (text === this.wanted) return;
    // What waits to be written waits no longer because it changes once more.
    if (this.wanted === this.written) {
      this.writeAt = Math.max(this.writeAt, this.clock.now() + this.random.next() * SPREAD_MS);
    }
    this.wanted = text;
    this.loop ??= this.run(this.ends.signal);
    this.wake.abort();
  }

  /** Takes it away. False: Consul could not be told; the end of the session will. */
  async release(withinMs = FAREWELL_MS): Promise<boolean> {
    this.ends.abort();
    this.wake.abort();
    await this.loop;
    const { session } = this;
    if (session === null) return true;
    const limit = new AbortController();
    const done = new AbortController();
    void sleep(this.clock, Math.min(withinMs, FAREWELL_MS), done.signal).then(() => limit.abort());
    try {
      await this.api.destroySession(session, limit.signal);
      return true;
    } catch (error) {
      this.note(describeError(error));
      return false;
    } finally {
      done.abort();
    }
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      this.wake = new AbortController();
      let until = 0;
      try {
        await this.tend(signal);
        failures = 0;
        if (this.wanted === this.written) this.note(null);
        until = this.wanted === this.written ? this.renewAt : Math.min(this.renewAt, this.writeAt);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        this.note(describeError(error));
        this.renewAt = 0; // Whether there still is a session is the first question.
        until = this.clock.now() + this.pauseMs(failures, error);
        await sleep(this.clock, until - this.clock.now(), signal);
        continue;
      }
      if (this.wake.signal.aborted) continue;
      await sleep(this.clock, Math.max(0, until - this.clock.now()), this.wake.signal);
    }
  }

  private async tend(signal: AbortSignal): Promise<void> {
    if (this.clock.now() < this.writeAt && this.session === null) return this.begin();
    if (this.session !== null && this.clock.now() >= this.renewAt) await this.renew(this.session, signal);
    if (this.session === null) {
      this.session = await this.api.createSession('remora', SESSION_TTL_MS, signal);
      this.scheduleRenewal();
    }
    if (this.wanted === this.written || this.clock.now() < this.writeAt) return;
    const text = this.wanted!;
    this.writeAt = this.clock.now() + MIN_WRITE_MS;
    if (!(await this.api.putKv(this.key, text, this.session, signal))) {
      throw new ConsulError(
        `the key ${this.key} is held by another session: of what ran here before, or of another sidecar with the same service.id`,
      );
    }
    this.written = text;
  }

  /** There is no session yet and nothing to write with it. */
  private begin(): void {
    this.renewAt = this.writeAt;
  }

  private async renew(session: string, signal: AbortSignal): Promise<void> {
    const isAlive = await this.api.renewSession(session, signal);
    this.scheduleRenewal();
    if (!isAlive) {
      this.session = null;
      this.written = null;
    } else if (++this.renewals % RENEWALS_A_LOOK === 0 && this.written !== null) {
      const read = { mode: 'leader', index: 0n, waitMs: 0, timeoutMs: 10_000 } as const;
      const { value } = await this.api.kv(this.key, read, signal);
      if (value.text === null) this.written = null;
    }
  }

  private scheduleRenewal(): void {
    this.renewAt = this.clock.now() + RENEW_MS * (1 - 0.2 * this.random.next());
  }

  private pauseMs(failures: number, error: unknown): number {
    const isLasting = error instanceof ConsulError && error.isLasting;
    const cap = isLasting ? LASTING_MS : Math.min(RETRY_CAP_MS, RETRY_FLOOR_MS * 2 ** Math.min(failures, 10));
    return cap * (1 - 0.5 * this.random.next());
  }

  private note(problem: string | null): void {
    if (problem !== this.problem && problem !== null) this.log.warn('status_not_written', { key: this.key, problem });
    if (problem === null && this.problem !== null) this.log.info('status_written', { key: this.key });
    this.problem = problem;
  }
}
