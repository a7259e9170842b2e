import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { statusOf } from '../support/remora.mjs';
import { freePorts } from '../support/workbench.mjs';

const ORIGIN = fileURLToPath(new URL('../support/origin.mjs', import.meta.url));
export const SMALL = { path: '/1k', size: 1024 };
export const LARGE = { path: '/10m', size: 10 * 1024 * 1024 };

/** Three backends in processes of their own, each of which can die, freeze, lie and come back on its port. */
export class Origins {
  #bench;
  #folder;
  #jobs = [];

  constructor(bench, ports) {
    this.#bench = bench;
    this.ports = ports;
    this.#folder = join(bench.folder, 'bodies');
    mkdirSync(this.#folder, { recursive: true });
    for (const { path, size } of [SMALL, LARGE]) writeFileSync(join(this.#folder, path), Buffer.alloc(size, 'remora '));
  }

  static async start(bench) {
    const origins = new Origins(bench, await freePorts(3));
    await Promise.all(origins.ports.map((_, i) => origins.revive(i)));
    return origins;
  }

  async revive(i) {
    const port = this.ports[i];
    const job = this.#bench.start(`origin-${i}`, process.execPath, [ORIGIN, this.#folder, port]);
    this.#jobs[i] = job;
    await this.#bench.until(job, 'ready', async () => (await statusOf(port, SMALL.path)) === 200);
  }

  kill(i) {
    return this.#bench.stop(this.#jobs[i]);
  }

  freeze(i) {
    process.kill(this.#jobs[i].pid, 'SIGSTOP');
  }

  thaw(i) {
    process.kill(this.#jobs[i].pid, 'SIGCONT');
  }

  async answerWith(i, status) {
    if ((await statusOf(this.ports[i], `/control/status/${status}`)) !== 200)
      throw new Error(`origin ${i} is not there`);
  }

  async stop() {
    await Promise.all(this.#jobs.map((job) => this.#bench.stop(job)));
  }
}
