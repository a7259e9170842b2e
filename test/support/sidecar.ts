import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterView } from '../../src/admin/agent-view.ts';
import { eventually } from './eventually.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const running = new Set<ChildProcess>();
// A test that times out does not get to stop what it started.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface SidecarOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Wait for `/ready` too, not only for the ports. */
  readonly untilReady?: boolean;
  /** How many files it may have open. */
  readonly descriptors?: number;
  /** The program, when it is not the one in `dist/`. */
  readonly main?: string;
}

/** One line of the process log. */
export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

/**
 * The real program in a process of its own, as a user starts it. Its ports are those the kernel gives: tests ask for
 * them by the listener's name.
 */
export class Sidecar {
  readonly log: LogLine[] = [];
  /** Lines of the access log, as objects. */
  readonly access: Record<string, unknown>[] = [];
  /** What it said on stderr that was no log line. */
  stray = '';
  readonly exit: Promise<number | NodeJS.Signals>;
  private readonly folder = mkdtempSync(join(tmpdir(), 'remora-e2e-'));
  private readonly child: ChildProcess;

  private constructor(config: unknown, { env = {}, args = [], descriptors, main = MAIN }: SidecarOptions) {
    this.write(config);
    const command = [process.execPath, main, 'run', '-c', this.file, '--log', 'json', ...args];
    const limited = ['sh', '-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, ...command];
    const [program, ...words] = descriptors === undefined ? command : limited;
    this.child = spawn(program!, words, {
      // Nothing of this machine's environment: a Consul or a collector that is configured here has no part in a test.
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.child);
    this.exit = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        rmSync(this.folder, { recursive: true, force: true });
        resolve(code ?? signal!);
      });
    });
    eachLine(this.child.stderr!, (line) => {
      if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
      else this.stray += `${line}\n`;
    });
    eachLine(this.child.stdout!, (line) => this.access.push(JSON.parse(line) as Record<string, unknown>));
  }

  /** A configuration as an object; ports are 0 unless it says otherwise. */
  static start(config: object, options: SidecarOptions = {}): Promise<Sidecar> {
    return Sidecar.startFile({ admin: { port: 0 }, ...config }, options);
  }

  /** The same with a whole file, as an object or as text. */
  static async startFile(config: object | string, options: SidecarOptions = {}): Promise<Sidecar> {
    const sidecar = new Sidecar(config, options);
    const early = sidecar.exit.then((code) => {
      throw new Error(`the sidecar ended with ${code} at its start:\n${sidecar.stray}`);
    });
    await Promise.race([eventually(() => sidecar.hasEvent('listening', { listener: 'admin-grpc' })), early]);
    early.catch(() => undefined);
    if (options.untilReady ?? true) await eventually(async () => (await sidecar.get('/ready')).status === 200);
    return sidecar;
  }

  /** One that is not expected to start. */
  static refuse(config: object | string, options: SidecarOptions = {}): Sidecar {
    return new Sidecar(config, options);
  }

  get file(): string {
    return join(this.folder, 'remora.yaml');
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Replaces the file it runs with. */
  write(config: unknown): void {
    writeFileSync(this.file, typeof config === 'string' ? config : JSON.stringify(config));
  }

  port(listener: string): number {
    const line = this.log.find((entry) => entry.event === 'listening' && entry['listener'] === listener);
    if (line === undefined) throw new Error(`no listener ${listener}`);
    return line['port'] as number;
  }

  url(listener: string, path = '/'): string {
    return `http://127.0.0.1:${this.port(listener)}${path}`;
  }

  /** Asks its admin port. */
  get(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.url('admin', path), init);
  }

  /** A cluster as the admin port shows it. */
  async cluster(name: string): Promise<ClusterView> {
    const { clusters } = (await (await this.get('/clusters')).json()) as { clusters: readonly ClusterView[] };
    const cluster = clusters.find((one) => one.name === name);
    if (cluster === undefined) throw new Error(`no cluster ${name}`);
    return cluster;
  }

  /** The value of one series, by name and the labels that matter; 0 when it is not there. Several are added up. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const text = await (await this.get('/metrics')).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  hasEvent(event: string, fields: Readonly<Record<string, unknown>> = {}): boolean {
    return this.log.some(
      (line) => line.event === event && Object.entries(fields).every(([name, value]) => line[name] === value),
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGTERM, and patience. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.child.kill('SIGTERM');
    return this.exit;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }
}

function eachLine(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString()).split('\n');
    rest = lines.pop()!;
    for (const line of lines) take(line);
  });
  stream.on('end', () => rest !== '' && take(rest));
}
