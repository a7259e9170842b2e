import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Attempted } from '../support/attempt-law.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';

const PROGRAM = fileURLToPath(new URL('origin-app.mjs', import.meta.url));

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A request as the origin saw it, in the body of its plain answers. */
export interface SeenRequest {
  readonly origin: string;
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly trailers: Readonly<Record<string, string>>;
  readonly bytes: number;
  /** SHA-256 of its body. */
  readonly digest: string;
}

export interface OriginOptions {
  readonly host?: string;
  /** How many connections the kernel keeps for it before it takes them. */
  readonly backlog?: number;
}

/**
 * An application in a process of its own. What it does with a request is asked for in the request's query:
 *
 *     status=N  delay=MS  places=N (at a time, for `delay` each)  hold (until `release`)  bytes=N  chunked  whole (from memory)  trailers  echo  hints
 *     early=N  never  stall
 *     reset=before|middle  close=before|middle  until=close  idle=MS  raw=TEXT (`~` is CRLF)  expect=refuse  refuse=N
 *
 * or, for all requests, by `mode` with the same words, and with `each=N` for every N-th of them. Its log is the truth about what was executed.
 */
export class OriginApp {
  /** Ids of the requests that reached it, in order, twice when they came twice. */
  readonly begun: string[] = [];
  /** The same with when it was. */
  readonly attempted: Attempted[] = [];
  readonly answered = new Set<string>();
  /** Ids of the requests whose caller left before the answer. */
  readonly gone = new Set<string>();
  /** How long each of `places` was taken in truth, in ms. */
  readonly worked: number[] = [];
  /** All it said. */
  readonly lines: string[] = [];
  port = 0;
  private child!: ChildProcess;
  private ended!: Promise<unknown>;

  private constructor(
    readonly name: string,
    readonly host: string,
    private readonly backlog: number,
  ) {}

  static async start(name: string, { host = '127.0.0.1', backlog = 1024 }: OriginOptions = {}): Promise<OriginApp> {
    const app = new OriginApp(name, host, backlog);
    await app.spawn();
    return app;
  }

  static many(...names: readonly string[]): Promise<OriginApp[]> {
    return Promise.all(names.map((name) => OriginApp.start(name)));
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Lets go what is held. */
  release(): Promise<void> {
    return this.tell('release');
  }

  /** What all requests get from now on; empty for nothing special. */
  mode(value: string): Promise<void> {
    return this.tell('mode', value);
  }

  /** Closes all connections. */
  hangUp(): Promise<void> {
    return this.tell('hang_up');
  }

  /** SIGKILL, between two events of its own: its log is complete. */
  async die(): Promise<void> {
    this.child.send({ command: 'die' });
    await this.ended;
  }

  /** Starts it again, on the port it had. */
  restart(): Promise<void> {
    return this.spawn();
  }

  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  private async spawn(): Promise<void> {
    if (this.port === 0) [this.port] = (await freePorts(1)) as [number];
    const child = spawn(process.execPath, [PROGRAM, this.name, String(this.port), this.host, String(this.backlog)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.child = child;
    running.add(child);
    this.ended = once(child, 'close').then(() => running.delete(child));
    const lines = createInterface(child.stdout!);
    lines.on('line', (line) => this.hear(line));
    await once(lines, 'line');
  }

  private async tell(command: string, value = ''): Promise<void> {
    const before = this.lines.length;
    this.child.send({ command, value });
    await eventually(() => this.lines.indexOf(`done ${command}`, before) >= 0);
  }

  private hear(line: string): void {
    this.lines.push(line);
    const [word, id, , at, ordinal] = line.split(' ') as [string, string, ...string[]];
    if (word === 'begun') {
      this.begun.push(id);
      this.attempted.push({ id, at: Number(at), ordinal: Number(ordinal) });
    }
    if (word === 'answered') this.answered.add(id);
    else if (word === 'gone') this.gone.add(id);
    else if (word === 'worked') this.worked.push(Number(id));
    else if (word === 'listening') this.port = Number(id);
  }
}
