import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import { describeError } from './consul-error.ts';
import type { NameResolver } from './name-resolver.ts';

const MIN_TTL_MS = 1_000;
const MAX_TTL_MS = 5 * 60_000;
const RETRY_CAP_MS = 30_000;

/**
 * One name, asked again whenever its TTL has run out. The last answer stands when nobody answers, family by family:
 * a server that answers A and drops AAAA must not take the IPv6 endpoints away.
 */
export class FollowedName {
  /** Sorted, because servers rotate the order of their records. Null until the first answer. */
  addresses: readonly string[] | null = null;
  freshAt = 0;
  problem: string | null = null;
  private v4: readonly string[] = [];
  private v6: readonly string[] = [];
  private readonly ends = new AbortController();

  constructor(
    readonly name: string,
    private readonly resolver: NameResolver,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly onChange: () => void,
  ) {
    void this.run();
  }

  stop(): void {
    this.ends.abort();
  }

  private async run(): Promise<void> {
    const { signal } = this.ends;
    let failures = 0;
    while (!signal.aborted) {
      let pauseMs: number;
      try {
        const found = await this.resolver.resolve(this.name, signal);
        if (signal.aborted) return;
        failures = 0;
        pauseMs = Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, found.ttlMs));
        this.learn(found.v4 ?? this.v4, found.v6 ?? this.v6);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        const cap = Math.min(RETRY_CAP_MS, MIN_TTL_MS * 2 ** Math.min(failures, 10));
        pauseMs = MIN_TTL_MS + this.random.next() * (cap - MIN_TTL_MS);
        this.problem = `${this.name}: ${describeError(error)}`;
      }
      this.onChange();
      await sleep(this.clock, pauseMs, signal);
    }
  }

  private learn(v4: readonly string[], v6: readonly string[]): void {
    this.v4 = v4;
    this.v6 = v6;
    this.addresses = [...new Set([...v4, ...v6])].sort();
    this.freshAt = this.clock.now();
    this.problem = null;
  }
}
