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
}

const TICK_MS = 10;
/** Beyond this many unanswered requests no more are sent: a stuck sidecar must not take the machine with it. */
const MAX_OUTSTANDING = 200;

/**
 * Requests at a steady rate, on kept connections unless told otherwise, whether or not earlier ones have been answered. Each has an id of its
 * own, which origins write down.
 */
export class Load {
  readonly results: Result[] = [];
  private readonly agent: Agent;
  private readonly timer: NodeJS.Timeout;
  private readonly method: string;
  private sent = 0;
  private outstanding = 0;
  private due = 0;

  constructor(
    private readonly port: number,
    private readonly options: LoadOptions = {},
  ) {
    this.method = options.method ?? 'GET';
    this.agent = new Agent({ keepAlive: !options.oneShot });
    const perTick = ((options.perSecond ?? 200) * TICK_MS) / 1000;
    this.timer = setInterval(() => {
      for (this.due += perTick; this.due >= 1 && this.outstanding < MAX_OUTSTANDING; this.due--) this.send();
      this.due = Math.min(this.due, MAX_OUTSTANDING);
    }, TICK_MS);
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
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const failed = (failure: string): void =>
      resolve({ id, method, status: 0, failure, origin: '', tookMs: performance.now() - startedAt });
    const headers = { 'x-id': id, ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }) };
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: agent ?? false });
    sent.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
    sent.on('response', (answer: IncomingMessage) => {
      answer.resume();
      answer.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
      answer.on('end', () =>
        resolve({
          id,
          method,
          status: answer.statusCode!,
          failure: textOf(answer.headers['x-remora-failure']),
          origin: textOf(answer.headers['x-origin']),
          tookMs: performance.now() - startedAt,
        }),
      );
    });
    sent.end(body);
  });
}

function textOf(value: string | string[] | undefined): string {
  return value === undefined ? '' : String(value);
}
