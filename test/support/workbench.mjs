import { spawn, spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A temporary folder and the processes started in it.
 *
 * Nothing survives the workbench: every process is killed by its own id and the folder is removed when this
 * process ends, in whatever way short of kill -9 (the `exit` event also follows an error and a signal here).
 * Output of processes goes to files, never to pipes, so that a silent reader cannot slow one down.
 */
export class Workbench {
  #running = new Map();
  #core;

  /** `core`: where processes marked `pinned` run; null: wherever the kernel likes. */
  constructor(name, core = null) {
    this.folder = mkdtempSync(join(fastFolder(), `remora-${name}-`));
    this.#core = core;
    process.once('exit', () => this.#clear());
    process.once('SIGINT', () => process.exit(130));
    process.once('SIGTERM', () => process.exit(143));
  }

  start(name, command, args, { env = process.env, pinned = true } = {}) {
    const log = join(this.folder, `${name}.log`);
    const out = openSync(log, 'a');
    const [file, ...rest] = this.#pin(pinned, [command, ...args]);
    const child = spawn(file, rest, { env, cwd: this.folder, stdio: ['ignore', out, out] });
    closeSync(out);
    const job = { name, pid: child.pid, log, child, hasEnded: false, ended: null };
    job.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? code));
    }).then((how) => {
      job.hasEnded = true;
      this.#running.delete(job.pid);
      return how;
    });
    if (child.pid !== undefined) this.#running.set(child.pid, job);
    return job;
  }

  /** Runs a command to its end; its output, or an error that quotes it. */
  async output(name, command, args, options) {
    const job = this.start(name, command, args, options);
    const how = await job.ended;
    const text = readFileSync(job.log, 'utf8');
    rmSync(job.log);
    if (how !== 0) throw new Error(`${name} ended with ${how}: ${text.slice(-2000)}`);
    return text;
  }

  /** Ends a process: politely first when it is given time for that. */
  async stop(job, graceMs = 0) {
    if (graceMs > 0 && !job.hasEnded) {
      job.child.kill('SIGTERM');
      await Promise.race([job.ended, delay(graceMs)]);
    }
    if (!job.hasEnded) job.child.kill('SIGKILL');
    return job.ended;
  }

  /** Asks `check` until it holds; fails with the process's last words when it ends first or takes too long. */
  async until(job, what, check, timeoutMs = 20_000) {
    const giveUpAt = performance.now() + timeoutMs;
    while (!(await check())) {
      if (job.hasEnded) throw new Error(`${job.name} ended before it was ${what}:\n${lastWords(job)}`);
      if (performance.now() > giveUpAt) throw new Error(`${job.name} is not ${what}:\n${lastWords(job)}`);
      await delay(25);
    }
  }

  #pin(pinned, command) {
    return pinned && this.#core !== null ? ['taskset', '-c', String(this.#core), ...command] : command;
  }

  #clear() {
    for (const job of this.#running.values()) job.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Free ports, as the kernel gives them. They are asked for together, so no two are the same. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => resolve(server));
      });
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Is there a program of this name on PATH? */
export function hasProgram(name) {
  return spawnSync('sh', ['-c', `command -v "${name}"`]).status === 0;
}

function lastWords(job) {
  return readFileSync(job.log, 'utf8').slice(-3000);
}

/** Memory, where there is a folder in it: a disk is not what is measured. */
function fastFolder() {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
