import { Agent, type IncomingMessage, request } from 'node:http';
import { eventually } from '../support/eventually.ts';

/** One request of a load, as its client saw it end. */
export interface Result {
  readonly id: string;
  readonly method: string;
  /** 0: there was no answer. */
  readonly status: number;
  /** `x-remora-failure`, or what the client's own socket said. */
  readonly failure: string;
  /** Which origin answered; empty when none did. */
  readonly origin: string;
  /** ms of the monotonic clock, which all processes of a machine share. */
  readonly sentAt: number;
  /** From its sending to the end of its answer. */
  readonly tookMs: number;
}

export interface LoadOptions {
  readonly method?: string;
  readonly path?: string;
  readonly perSecond?: number;
  readonly body?: string;
  /** Each request on a connection of its own. */
  readonly oneShot?: boolean;
  /** Beyond this many unanswered requests no more are sent: a stuck sidecar must not take the machine with it. */
  readonly maxOutstanding?: number;
}

const TICK_MS = 10;
const MAX_OUTSTANDING = 200;

/**
 * An open loop: requests at a steady rate by the clock, on kept connections unless told otherwise, whether or not earlier
 * ones have been answered. Each has an id of its own, which origins write down.
 */
export class Load {
  readonly results: Result[] = [];
  private readonly agent: Agent;
  private readonly timer: NodeJS.Timeout;
  private readonly method: string;
  private readonly startedAt = monotonicMs();
  private sent = 0;
  private skipped = 0;
  private tickedAt = this.startedAt;
  private longestLateMs = 0;
  private outstanding = 0;

  constructor(
    private readonly port: number,
    private readonly options: LoadOptions = {},
  ) {
    this.method = options.method ?? 'GET';
    this.agent = new Agent({ keepAlive: !options.oneShot });
    const { maxOutstanding = MAX_OUTSTANDING } = options;
    const perMs = (options.perSecond ?? 200) / 1000;
    this.timer = setInterval(() => {
      const now = monotonicMs();
      this.longestLateMs = Math.max(this.longestLateMs, now - this.tickedAt - TICK_MS);
      this.tickedAt = now;
      const due = Math.floor((now - this.startedAt) * perMs);
      while (this.sent + this.skipped < due) {
        if (this.outstanding < maxOutstanding) this.send();
        else this.skipped++;
      }
    }, TICK_MS);
  }

  get good(): number {
    return this.results.length - this.failed.length;
  }

  /** The longest that this process itself was held up: what a machine does to all that runs on it. */
  get lateMs(): number {
    return this.longestLateMs;
  }

  /** How many were due and not sent, since too many were unanswered. */
  get unsent(): number {
    return this.skipped;
  }

  /** Results that were no success. */
  get failed(): Result[] {
    return this.results.filter(({ status }) => status < 200 || status > 299);
  }

  /** Resolves when so many more requests have ended. */
  async progress(count: number): Promise<void> {
    const until = this.results.length + count;
    await eventually(() => this.results.length >= until);
  }

  /** Sends no more and waits for what is on its way. */
  async stop(): Promise<readonly Result[]> {
    clearInterval(this.timer);
    await eventually(() => this.outstanding === 0);
    this.agent.destroy();
    return this.results;
  }

  private send(): void {
    const id = `${this.method}-${++this.sent}`;
    this.outstanding++;
    void sendOne(this.port, id, this.method, this.options, this.agent).then((result) => {
      this.outstanding--;
      this.results.push(result);
    });
  }
}

/** One request, on a connection of its own unless an agent has one; never rejects. */
export function sendOne(
  port: number,
  id: string,
  method: string,
  { path = '/', body = '' }: LoadOptions = {},
  agent?: Agent,
): Promise<Result> {
  const sentAt = monotonicMs();
  return new Promise((resolve) => {
    const over = (status: number, failure: string, origin: string): void =>
      resolve({ id, method, status, failure, origin, sentAt, tookMs: monotonicMs() - sentAt });
    const failed = (failure: string): void => over(0, failure, '');
    const headers = { 'x-id': id, ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }) };
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: agent ?? false });
    sent.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
    sent.on('response', (answer: IncomingMessage) => {
      answer.resume();
      answer.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
      answer.on('end', () =>
        over(answer.statusCode!, textOf(answer.headers['x-remora-failure']), textOf(answer.headers['x-origin'])),
      );
    });
    sent.end(body);
  });
}

function textOf(value: string | string[] | undefined): string {
  return value === undefined ? '' : String(value);
}

/** As processes of this machine agree on it. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
