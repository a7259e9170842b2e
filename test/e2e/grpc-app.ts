import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';

const PROGRAM = fileURLToPath(new URL('grpc-app.mjs', import.meta.url));

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** What a call wants of the application: in its one message, or in the first of its stream. */
export interface Wish {
  readonly id: string;
  /** Bytes of the request's own. */
  readonly pad?: string;
  /** Bytes that each answer has besides. */
  readonly bytes?: number;
  /** Messages of `Expand`, and the time between them. */
  readonly count?: number;
  readonly every?: number;
  /** Before the end: a wait in ms, one for `release`, or for ever. What never ends is not echoed either. */
  readonly delay?: number;
  readonly hold?: boolean;
  readonly never?: boolean;
  /** The status it ends with. */
  readonly fail?: readonly [code: number, details: string];
  /** Fields of the head and of the trailers; those in `-bin` as base64. */
  readonly head?: Readonly<Record<string, string>>;
  readonly trailers?: Readonly<Record<string, string>>;
}

/** What it says in an answer. */
export interface Reply {
  readonly server: string;
  /** Address and port of the connection it came on. */
  readonly peer: string;
  /** The call's metadata as it came; those in `-bin` as base64. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** To the deadline as the server knows it. */
  readonly leftMs: number | null;
  /** Messages, and their padding. */
  readonly count: number;
  readonly got: number;
  /** Which of the answers it is. */
  readonly at: number;
  readonly pad: string;
}

/** A gRPC server in a process of its own, made with grpc-js. Its log is the truth about what was executed. */
export class GrpcApp {
  /** Ids of the calls that reached it, in order. */
  readonly begun: string[] = [];
  readonly answered = new Set<string>();
  /** Ids of the calls that their caller gave up. */
  readonly cancelled = new Set<string>();
  /** Messages of an `Expand` that were written when there was no more room, by id. */
  readonly full = new Map<string, number>();
  /** The services that health checks asked for, in order; `-` for the server as a whole. */
  readonly checked: string[] = [];
  port = 0;
  private readonly lines: string[] = [];
  private child!: ChildProcess;
  private ended!: Promise<unknown>;

  private constructor(
    readonly name: string,
    private readonly options: object,
  ) {}

  /** `options`: grpc-js's, of a server. */
  static async start(name: string, options: object = {}): Promise<GrpcApp> {
    const app = new GrpcApp(name, options);
    await app.spawn();
    return app;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Lets go what is held. */
  release(): Promise<void> {
    return this.tell('release');
  }

  /** GOAWAY on all its connections; it ends when its calls have. */
  async leave(): Promise<void> {
    await this.tell('leave');
    await this.ended;
  }

  /** What health checks are answered from now on. */
  serving(state: 'SERVING' | 'NOT_SERVING'): Promise<void> {
    return this.tell('serving', state === 'SERVING' ? 1 : 2);
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
    const child = spawn(process.execPath, [PROGRAM, this.name, String(this.port), JSON.stringify(this.options)], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.child = child;
    running.add(child);
    this.ended = once(child, 'close').then(() => running.delete(child));
    const lines = createInterface(child.stdout!);
    lines.on('line', (line) => this.hear(line));
    await Promise.race([once(lines, 'line'), this.ended]);
    if (!running.has(child)) throw new Error(`${this.name} ended at its start`);
  }

  private async tell(command: string, value: unknown = null): Promise<void> {
    const before = this.lines.length;
    this.child.send({ command, value });
    await eventually(() => this.lines.indexOf(`done ${command}`, before) >= 0);
  }

  private hear(line: string): void {
    const [word, id, detail] = line.split(' ') as [string, string, string];
    if (word === 'begun') this.begun.push(id);
    else if (word === 'answered') this.answered.add(id);
    else if (word === 'cancelled') this.cancelled.add(id);
    else if (word === 'checked') this.checked.push(id);
    else if (word === 'full') this.full.set(id, Number(detail));
    else if (word === 'listening') this.port = Number(id);
    else this.lines.push(line);
  }
}
