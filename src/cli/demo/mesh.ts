import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child } from './child.ts';
import type { Catalog, Stage } from './consul.ts';
import { waitFor } from './wait.ts';

const MAIN = fileURLToPath(new URL('../../main.js', import.meta.url));
const APP = fileURLToPath(new URL('./orders-app.js', import.meta.url));
/** Several Node programs start at once, on a machine that may have one core. */
const START_MS = 20_000;
/**
 * Consul's own word on a killed instance comes within the demo, and a machine that stutters for seconds kills nobody.
 */
const TTL = '5s';

/** What an instance of `orders` is like; `orders-app.ts` does it. */
export const KINDS = { steady: 'steady', slow: 'slow, 40-80 ms', flaky: '503s: 2 s in 6' } as const;
export type Kind = keyof typeof KINDS;

/** One `orders`: an application and the sidecar in front of it, a process each. */
export interface Instance {
  readonly name: string;
  readonly kind: Kind;
  /** Where the sidecar takes its traffic. */
  readonly port: number;
  readonly processes: readonly Child[];
  isKilled: boolean;
}

/**
 * The mesh of the demo: instances of `orders` behind their sidecars, and the sidecar of `web` that calls them. All are
 * the program itself, started as a user starts it, with a file each.
 */
export class Mesh {
  readonly instances: Instance[] = [];
  private web!: Child;

  private constructor(
    private readonly stage: Stage,
    private readonly catalog: Catalog,
    private readonly folder: string,
  ) {}

  /** Resolves when web's sidecar knows all of them. */
  static async start(
    stage: Stage,
    catalog: Catalog,
    folder: string,
    kinds: readonly Kind[],
    isKnown: (adminPort: number, count: number) => Promise<boolean>,
  ): Promise<Mesh> {
    const mesh = new Mesh(stage, catalog, folder);
    await mkdir(folder, { recursive: true });
    const names = kinds.map((kind, i) => ({ kind, name: `orders-${i + 1}` }));
    mesh.instances.push(...(await Promise.all(names.map(({ kind, name }) => mesh.startInstance(name, kind)))));
    mesh.web = await mesh.startSidecar('web', mesh.webConfig());
    await mesh.port(mesh.web, 'admin-grpc');
    const wish = `web's sidecar knows ${names.length} instances of orders`;
    await waitFor(stage, START_MS, wish, async () => ((await isKnown(mesh.adminPort, names.length)) ? true : null));
    return mesh;
  }

  /** Where web's application reaches orders. */
  get callPort(): number {
    return this.web.port('orders')!;
  }

  get adminPort(): number {
    return this.web.port('admin')!;
  }

  get adminGrpcPort(): number {
    return this.web.port('admin-grpc')!;
  }

  /** Without a word to anybody, as when a machine goes. */
  kill(instance: Instance): void {
    instance.isKilled = true;
    for (const child of instance.processes) child.kill();
  }

  /** A new instance, told to whoever keeps the catalog. */
  async add(kind: Kind): Promise<Instance> {
    const instance = await this.startInstance(`orders-${this.instances.length + 1}`, kind);
    this.instances.push(instance);
    if (this.catalog.kind === 'file') await this.write('web', this.webConfig());
    return instance;
  }

  private async startInstance(name: string, kind: Kind): Promise<Instance> {
    const app = this.stage.crew.start({
      name: `${name}'s application`,
      command: process.execPath,
      args: [APP, name, kind],
    });
    const port = await this.port(app, 'app');
    const register = this.catalog.kind === 'consul' ? { register: { ttl: TTL } } : {};
    const service = { name: 'orders', id: name, port, ...register };
    const sidecar = await this.startSidecar(name, { service, inbound: { port: 0 }, ...this.consul() });
    return { name, kind, port: await this.port(sidecar, 'inbound'), processes: [app, sidecar], isKilled: false };
  }

  private async startSidecar(name: string, config: object): Promise<Child> {
    const file = await this.write(name, config);
    const args = [MAIN, 'run', '-c', file, '--log', 'json'];
    return this.stage.crew.start({ name: `${name}'s sidecar`, command: process.execPath, args });
  }

  private webConfig(): object {
    const listed = this.instances.map(({ port }) => `127.0.0.1:${port}`);
    const source = this.catalog.kind === 'file' ? { static: { orders: listed } } : this.consul();
    // The demo itself is web's application. It calls and is not called, so its port is never used.
    return { service: { name: 'web', port: 8080 }, upstreams: { orders: { port: 0, protocol: 'http' } }, ...source };
  }

  private consul(): object {
    return this.catalog.kind === 'consul' ? { consul: { address: this.catalog.address } } : {};
  }

  /** Whole or not at all, since a sidecar may be watching. JSON is YAML. */
  private async write(name: string, config: object): Promise<string> {
    const file = join(this.folder, `${name}.yaml`);
    const text = JSON.stringify({ ...config, admin: { port: 0 }, telemetry: { accessLog: 'off' } }, null, 2);
    await writeFile(`${file}.new`, `${text}\n`);
    await rename(`${file}.new`, file);
    return file;
  }

  private port(child: Child, listener: string): Promise<number> {
    return waitFor(this.stage, START_MS, `${child.name} listens`, () => child.port(listener));
  }
}
