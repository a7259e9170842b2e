import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import type { Objection } from '../config/rollout.ts';
import { encodeObjections } from '../config/rollout-text.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';
import { describeError } from '../discovery/consul-error.ts';

const RETRY_FLOOR_MS = 500;
const RETRY_CAP_MS = 15_000;

/**
 * What this sidecar has against rollouts, under a key of its own, for all others to see. There as long as one of them
 * stands. Consul may be away just then: it is tried until it is written or nothing is left to object to; every sidecar
 * that does not hear of it leaves when the time is over.
 */
export class Objections {
  /** Why Consul may not have them, for an operator. */
  problem: string | null = null;
  total = 0;
  private current: readonly Objection[] = [];
  private isDirty = false;
  private loop: Promise<void> | null = null;

  constructor(
    private readonly api: Pick<ConsulApi, 'putKv' | 'transact'>,
    private readonly key: string,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Log,
    private readonly signal: AbortSignal,
  ) {}

  raise(objection: Objection): void {
    if (this.current.some(({ seed }) => seed === objection.seed)) return;
    const { layer, seed, kind, why } = objection;
    this.log.error('rollout_objected', { layer, seed, kind, why });
    this.total += 1;
    this.change([...this.current, objection]);
  }

  /** Only these rollouts stand. */
  keepOnly(seeds: ReadonlySet<string>): void {
    const kept = this.current.filter(({ seed }) => seeds.has(seed));
    if (kept.length < this.current.length) this.change(kept);
  }

  private change(objections: readonly Objection[]): void {
    this.current = objections;
    this.isDirty = true;
    this.loop ??= this.write().finally(() => {
      this.loop = null;
    });
  }

  private async write(): Promise<void> {
    for (let failures = 0; this.isDirty && !this.signal.aborted; ) {
      this.isDirty = false;
      try {
        await this.send(this.current);
        this.problem = null;
        failures = 0;
      } catch (error) {
        if (this.signal.aborted) return;
        this.isDirty = true;
        failures += 1;
        this.problem = describeError(error);
        const cap = Math.min(RETRY_CAP_MS, RETRY_FLOOR_MS * 2 ** Math.min(failures, 10));
        await sleep(this.clock, cap * (1 - 0.5 * this.random.next()), this.signal);
      }
    }
  }

  private async send(objections: readonly Objection[]): Promise<void> {
    const { api, key, signal } = this;
    if (objections.length === 0) await api.transact([{ kind: 'delete', key, revision: null }], signal);
    else await api.putKv(key, encodeObjections(objections), null, signal);
  }
}
