import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const NO_CONSUL = '/no/such/consul';
const consul = await findConsul();

/** One run of the demo with a folder for temporary files of its own: that is how its processes are known. */
class Demo {
  output = '';
  readonly folder = mkdtempSync(join(tmpdir(), 'demo-e2e-'));
  readonly exit: Promise<number | NodeJS.Signals>;
  private readonly child: ChildProcess;

  constructor(args: readonly string[], consulBin: string) {
    this.child = spawn(process.execPath, [MAIN, 'demo', ...args], {
      env: { PATH: process.env['PATH'] ?? '', TMPDIR: this.folder, CONSUL_BIN: consulBin },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (bytes: Buffer) => (this.output += bytes.toString()));
    }
    this.exit = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal!)));
  }

  get lines(): readonly string[] {
    return this.output.trimEnd().split('\n');
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  until(words: string): Promise<unknown> {
    return eventually(() => this.output.includes(words), 20_000);
  }

  /** Command lines of everything that was started with this folder and still runs, the demo itself included. */
  processes(): readonly { readonly pid: number; readonly command: string }[] {
    if (!existsSync('/proc/self/environ')) return [];
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => contents(pid, 'environ').includes(`TMPDIR=${this.folder}`))
      .map((pid) => ({ pid: Number(pid), command: contents(pid, 'cmdline').replaceAll('\0', ' ') }));
  }

  async dispose(): Promise<void> {
    this.signal('SIGKILL');
    await this.exit;
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Empty for a process that is gone by now. */
function contents(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

let demo: Demo;

function expectGood(): void {
  const [, sent, failed, retried, trips] =
    /^(\d+) requests, (\d+) failed, (\d+) retried, (\d+) breaker trips$/.exec(demo.lines.at(-1)!) ?? [];
  expect(Number(sent), demo.output).toBe(6 * 250);
  expect(Number(failed)).toBeLessThanOrEqual(1);
  expect(Number(retried)).toBeGreaterThan(0);
  expect(Number(trips)).toBeGreaterThan(0);
  for (const words of ['orders-1 is killed', 'orders-4 is added', 'its breaker opens']) {
    expect(demo.output).toContain(words);
  }
}

function expectNothingLeft(): void {
  expect(demo.processes()).toEqual([]);
  expect(readdirSync(demo.folder)).toEqual([]);
}

afterEach(() => demo.dispose());

describe('remora demo', () => {
  it('shows a mesh that keeps its promise, with a file when there is no Consul, and says why', async () => {
    demo = new Demo(['--seconds', '6'], NO_CONSUL);
    expect(await demo.exit, demo.output).toBe(0);
    expectGood();
    expect(demo.output).toContain(
      `a watched file, since there is no Consul here (CONSUL_BIN=${NO_CONSUL} does not run)`,
    );
    expect(demo.output).not.toContain('\x1b');
    expectNothingLeft();
  });

  it.skipIf(consul.path === null)(consulTitle('shows the same with a Consul', consul), async () => {
    demo = new Demo(['--seconds', '6'], consul.path!);
    expect(await demo.exit, demo.output).toBe(0);
    expectGood();
    expect(demo.output).toMatch(/orders is found in Consul \d+\.\d+\.\d+/);
    expectNothingLeft();
  });
});

describe('a demo in the middle', () => {
  beforeEach(async () => {
    demo = new Demo(['--seconds', '60'], NO_CONSUL);
    await demo.until('requests a second from web');
    expect(demo.processes().length).toBeGreaterThanOrEqual(existsSync('/proc/self/environ') ? 8 : 0);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends at once and whole with %s, sent twice', async (signal) => {
    demo.signal(signal);
    demo.signal(signal);
    expect(await demo.exit).toBe(130);
    expect(demo.lines.at(-1)).toBe('interrupted; nothing is left running');
    expectNothingLeft();
  });

  it.skipIf(!existsSync('/proc/self/environ'))('tells who died unasked, and what it said last', async () => {
    process.kill(demo.processes().find(({ command }) => command.includes('orders-2.yaml'))!.pid, 'SIGKILL');
    expect(await demo.exit).toBe(1);
    expect(demo.output).toContain("remora: orders-2's sidecar was ended by SIGKILL, and nobody had told it to");
    expect(demo.output).toContain('"event":"listening","listener":"inbound"');
    expectNothingLeft();
  });
});
