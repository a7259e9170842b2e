import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { Sidecar } from '../support/sidecar.ts';
import { GrpcApp } from './grpc-app.ts';

/** A server and the sidecar beside it. */
export interface Site {
  readonly app: GrpcApp;
  sidecar: Sidecar;
  readonly port: number;
}

/** Settings of the sidecars beside the servers. */
export interface Beside {
  readonly inbound?: object;
  readonly shutdown?: object;
}

export interface GrpcMeshOptions {
  /** Settings of the callers' upstream `echo`. */
  readonly echo?: object;
  /** More upstreams of the callers. */
  readonly upstreams?: object;
  /** The rest of the callers' configuration. */
  readonly web?: object;
  readonly beside?: Beside;
  /** grpc-js's, of the servers. */
  readonly app?: object;
}

/**
 * Calls as they go in a mesh: a client, the sidecar beside it, one of the sidecars beside the servers, its server.
 *
 *     test -> web -> a.sidecar -> a.app
 *                 \> b.sidecar -> b.app  ...
 */
export class GrpcMesh {
  private constructor(
    readonly sites: readonly Site[],
    readonly web: Sidecar,
    private readonly beside: Beside,
  ) {}

  static async start(names: readonly string[], options: GrpcMeshOptions = {}): Promise<GrpcMesh> {
    const { echo = {}, upstreams = {}, web = {}, beside = {}, app = {} } = options;
    const ports = await freePorts(names.length);
    const sites = await Promise.all(
      names.map(async (name, i): Promise<Site> => {
        const server = await GrpcApp.start(name, app);
        const port = ports[i]!;
        return { app: server, sidecar: await startBeside(server, port, beside), port };
      }),
    );
    const caller = await Sidecar.start({
      service: { name: 'web', port: 9 },
      upstreams: { echo: { port: 0, protocol: 'grpc', balance: 'round_robin', ...echo }, ...upstreams },
      static: { echo: ports.map((port) => `127.0.0.1:${port}`) },
      ...web,
    });
    return new GrpcMesh(sites, caller, beside);
  }

  get port(): number {
    return this.web.port('echo');
  }

  get apps(): readonly GrpcApp[] {
    return this.sites.map(({ app }) => app);
  }

  /** Ids that servers began, in all. */
  get begun(): readonly string[] {
    return this.apps.flatMap(({ begun }) => begun);
  }

  async restartSidecar(site: Site): Promise<void> {
    site.sidecar = await startBeside(site.app, site.port, this.beside);
  }

  /** Ends everything, when all books are closed and nobody has seen what cannot be. */
  async close(): Promise<void> {
    const sidecars = [this.web, ...this.sites.map(({ sidecar }) => sidecar)];
    try {
      for (const sidecar of sidecars.filter(isRunning))
        await eventually(async () => (await openBooks(sidecar)) === 0, 5_000);
    } finally {
      await Promise.all([...sidecars, ...this.apps].map((process) => process.kill()));
    }
    for (const { log, stray } of sidecars) {
      const bugs = log.filter(({ event }) => event === 'bug');
      if (bugs.length > 0 || stray !== '') throw new Error(`a sidecar said: ${JSON.stringify(bugs)} ${stray}`);
    }
  }
}

function startBeside(app: GrpcApp, port: number, { inbound = {}, ...rest }: Beside): Promise<Sidecar> {
  const service = { name: 'echo', port: app.port, protocol: 'grpc' };
  return Sidecar.start({ service, inbound: { port, ...inbound }, ...rest });
}

function isRunning(sidecar: Sidecar): boolean {
  return !sidecar.hasEvent('shutdown_ended');
}

async function openBooks(sidecar: Sidecar): Promise<number> {
  return (await sidecar.metric('remora_requests_active')) + (await sidecar.metric('remora_endpoint_active'));
}
