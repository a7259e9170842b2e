import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { sleep } from '../base/sleep.ts';
import { ConsulError, describeError } from './consul-error.ts';

export interface PollRequest {
  /** 0: answer at once. */
  readonly index: bigint;
  readonly waitMs: number;
  readonly timeoutMs: number;
}

export interface PollAnswer {
  readonly index: bigint | null;
  readonly print: string;
}

export type PollFetch<A extends PollAnswer> = (request: PollRequest, signal: AbortSignal) => Promise<A>;

export interface PollTarget<A extends PollAnswer> {
  /** An answer that differs from the one before. */
  onAnswer(answer: A): void;
  /** The same answer again: nothing new, but still vouched for. */
  onUnchanged(answer: A): void;
  onPollProblem(problem: string): void;
}

const WAIT_MS = 60_000;
/** On top of the wait and Consul's own jitter (wait / 16): connecting, a busy agent, the transfer. */
const SLACK_MS = 10_000;
const BACKOFF_FLOOR_MS = 200;
const BACKOFF_CAP_MS = 30_000;
/** How often something is looked for that could mend a failure. */
const REMEDY_STEP_MS = 1_000;
/** In the happy case requests are free; where values churn or an index is stuck it is one a second. */
const BURST = 5;
const REFILL_MS = 1_000;

/**
 * Keeps asking one question of Consul by long polls.
 *
 * The index is an optimisation, never knowledge: after any error and whenever it goes backwards (an agent that lost its
 * data, a restored snapshot, another server) the next read is a plain one, because a client that holds an index which
 * is too high hears nothing for a whole wait. Waits are a minute for the same reason. Nothing the other side does can
 * make it ask faster than once a second for long (or what `refillMs` says): answers are paid for from a token bucket, and errors back off with
 * jitter, so that a thousand sidecars do not come back in step after an election. Where asking again cannot help it
 * waits for half a minute, or until there is a remedy on this side.
 */
export class BlockingQuery<A extends PollAnswer> {
  private tokens = BURST;
  private refilledAt: number;

  constructor(
    private readonly fetch: PollFetch<A>,
    private readonly target: PollTarget<A>,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly hasRemedy: (sinceMs: number) => Promise<boolean>,
    private readonly waitMs: number = WAIT_MS,
    private readonly refillMs: number = REFILL_MS,
  ) {
    this.refilledAt = clock.now();
  }

  /** Ends when the signal aborts, and never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let index = 0n;
    let failures = 0;
    let print: string | null = null;
    let askedAt = this.clock.now();
    while (!signal.aborted) {
      try {
        await this.takeToken(signal);
        if (signal.aborted) return;
        askedAt = this.clock.now();
        const answer = await this.fetch(this.request(index), signal);
        if (signal.aborted) return;
        if (answer.index === null) throw new ConsulError('the answer has no X-Consul-Index');
        const next = answer.index < 1n ? 1n : answer.index;
        failures = 0;
        if (next < index) {
          index = 0n;
          continue;
        }
        index = next;
        if (answer.print === print) this.target.onUnchanged(answer);
        else this.target.onAnswer(answer);
        print = answer.print;
      } catch (error) {
        if (signal.aborted) return;
        index = 0n;
        failures += 1;
        this.target.onPollProblem(describeError(error));
        const pauseMs = this.delayMs(failures, error);
        if (isLasting(error)) await this.awaitRemedy(pauseMs, askedAt, signal);
        else await sleep(this.clock, pauseMs, signal);
      }
    }
  }

  private request(index: bigint): PollRequest {
    const waitMs = index > 0n ? this.waitMs : 0;
    return { index, waitMs, timeoutMs: waitMs + waitMs / 16 + SLACK_MS };
  }

  private async takeToken(signal: AbortSignal): Promise<void> {
    const now = this.clock.now();
    this.tokens = Math.min(BURST, this.tokens + (now - this.refilledAt) / this.refillMs);
    this.refilledAt = now;
    this.tokens -= 1;
    if (this.tokens < 0) await sleep(this.clock, -this.tokens * this.refillMs, signal);
  }

  private async awaitRemedy(ms: number, sinceMs: number, signal: AbortSignal): Promise<void> {
    const until = this.clock.now() + ms;
    while (!signal.aborted && this.clock.now() < until) {
      await sleep(this.clock, Math.min(REMEDY_STEP_MS, until - this.clock.now()), signal);
      if (this.clock.now() < until && (await this.hasRemedy(sinceMs))) return;
    }
  }

  private delayMs(failures: number, error: unknown): number {
    if (isLasting(error)) return BACKOFF_CAP_MS * (1 - 0.2 * this.random.next());
    const cap = Math.min(BACKOFF_CAP_MS, BACKOFF_FLOOR_MS * 2 ** Math.min(failures, 20));
    return BACKOFF_FLOOR_MS + this.random.next() * (cap - BACKOFF_FLOOR_MS);
  }
}

function isLasting(error: unknown): boolean {
  return error instanceof ConsulError && error.isLasting;
}
