import { Agent, get } from 'node:http';
import { type Clock, Timer } from '../../base/clock.ts';
import { sleep } from '../../base/sleep.ts';
import type { Tally } from './tally.ts';

const STEP_MS = 10;
/** Longer than the sidecar itself gives a request (15 s): then it is the sidecar that has failed. */
const TIMEOUT_MS = 16_000;
/** Requests in flight; with more the caller would be measuring itself. */
const MAX_ACTIVE = 2_000;
/** What is still under way when the time is over. */
const LAST_ANSWERS_MS = 5_000;

export interface LoadOptions {
  readonly port: number;
  readonly perSecond: number;
  readonly forMs: number;
}

/**
 * The application of `web`: GETs at a fixed rate, sent whether or not answers come. A caller that waits for answers
 * sends less while things are bad, and would hide them.
 */
export class Load {
  private readonly agent = new Agent({ keepAlive: true });
  private readonly timer: Timer;
  private startedAt = 0;
  private active = 0;
  private isOver = false;

  constructor(
    private readonly clock: Clock,
    private readonly options: LoadOptions,
    private readonly tally: Tally,
  ) {
    this.timer = new Timer({ onTimer: (timer, now) => this.step(timer, now) });
  }

  /** Resolves when every request has an outcome. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, tally } = this;
    this.startedAt = clock.now();
    clock.arm(this.timer, this.startedAt + STEP_MS);
    await sleep(clock, this.options.forMs, signal);
    clock.disarm(this.timer);
    if (!signal.aborted) this.sendUntil(this.options.forMs);
    const until = clock.now() + LAST_ANSWERS_MS;
    while (this.active > 0 && clock.now() < until && !signal.aborted) await sleep(clock, STEP_MS, signal);
    this.isOver = true;
    for (; this.active > 0; this.active--) tally.failure('no answer before the end', clock.now());
    this.agent.destroy();
  }

  private step(timer: Timer, now: number): void {
    this.sendUntil(Math.min(now - this.startedAt, this.options.forMs));
    this.clock.arm(timer, now + STEP_MS);
  }

  private sendUntil(elapsedMs: number): void {
    const due = Math.floor((elapsedMs * this.options.perSecond) / 1_000);
    while (this.tally.sent < due) this.send();
  }

  private send(): void {
    const { clock, tally } = this;
    tally.sent += 1;
    if (this.active >= MAX_ACTIVE) return tally.failure(`more than ${MAX_ACTIVE} in flight`, clock.now());
    this.active += 1;
    const startedAt = clock.now();
    let isSettled = false;
    const settle = (problem: string | null): void => {
      if (isSettled || this.isOver) return;
      isSettled = true;
      this.active -= 1;
      const now = clock.now();
      if (problem === null) tally.success(now - startedAt, now);
      else tally.failure(problem, now);
    };

    const { agent } = this;
    const path = `/orders/${tally.sent}`;
    const asked = get({ host: '127.0.0.1', port: this.options.port, path, agent, timeout: TIMEOUT_MS }, (answer) => {
      const failure = answer.headers['x-remora-failure'];
      answer.resume();
      answer.on('error', (error) => settle(codeOf(error)));
      answer.on('close', () => settle('an answer cut short'));
      answer.on('end', () => settle(answer.statusCode === 200 ? null : `${answer.statusCode} ${failure ?? ''}`.trim()));
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', (error) => settle(codeOf(error)));
  }
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message;
}
