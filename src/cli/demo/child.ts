import { type ChildProcess, spawn } from 'node:child_process';

const TAIL_LINES = 8;
const MAX_LINE = 1_000;
/**
 * What a process needs to run at all. The rest of this shell's environment (a Consul, a collector) has no part in a
 * demo.
 */
const PASSED_ON = ['PATH', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot'];

export interface ChildSpec {
  /** For people: `orders-1's sidecar`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Instead of almost none. */
  readonly env?: NodeJS.ProcessEnv;
  /** What ends it; SIGKILL unless it has children of its own to end. */
  readonly endsWith?: NodeJS.Signals;
  /** One that does its work and ends. */
  readonly isErrand?: boolean;
}

/** One process, what it said last, and the ports it said it listens on. */
export class Child {
  readonly name: string;
  readonly ended: Promise<void>;
  isExpectedToEnd: boolean;
  /** How it ended, `with code 1`; null while it runs. */
  end: string | null = null;
  exitCode: number | null = null;
  /** The first line on stdout of an errand. */
  output = '';
  private readonly tail: string[] = [];
  private readonly ports = new Map<string, number>();
  private readonly process: ChildProcess;

  constructor(private readonly spec: ChildSpec) {
    this.name = spec.name;
    this.isExpectedToEnd = spec.isErrand ?? false;
    const env = spec.env ?? Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
    this.process = spawn(spec.command, spec.args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    eachLine(this.process.stderr!, (line) => this.take(line));
    eachLine(this.process.stdout!, (line) => {
      if (spec.isErrand) this.output ||= line;
      else this.take(line);
    });
    this.ended = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(this.note(null, `could not be started: ${error.message}`)));
      this.process.once('close', (code, signal) => {
        resolve(this.note(code, signal === null ? `ended with code ${code}` : `was ended by ${signal}`));
      });
    });
  }

  /** The last lines of its log. */
  get lastLines(): readonly string[] {
    return this.tail;
  }

  /** Null until it says so. */
  port(listener: string): number | null {
    return this.ports.get(listener) ?? null;
  }

  kill(): void {
    this.isExpectedToEnd = true;
    if (this.end === null) this.process.kill(this.spec.endsWith ?? 'SIGKILL');
  }

  private note(code: number | null, end: string): void {
    this.exitCode = code;
    this.end ??= end;
  }

  private take(line: string): void {
    if (line.trim() === '') return;
    this.tail.push(line);
    if (this.tail.length > TAIL_LINES) this.tail.shift();
    const [, listener, port] = /"event":"listening".*"listener":"([^"]+)".*"port":(\d+)/.exec(line) ?? [];
    if (listener !== undefined) this.ports.set(listener, Number(port));
  }
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!.slice(0, MAX_LINE);
    for (const line of lines) take(line.slice(0, MAX_LINE));
  });
  stream.on('end', () => rest !== '' && take(rest));
}
