import { eventually } from '../support/eventually.ts';
import { Sidecar, type SidecarOptions } from '../support/sidecar.ts';
import { OriginApp, type OriginOptions } from './origin-app.ts';

export interface SceneOptions extends SidecarOptions {
  /** Settings of the upstream `orders`. */
  readonly orders?: object;
  /** Settings of the inbound port in front of the first origin. */
  readonly inbound?: object;
  /** Of the first origin. */
  readonly origin?: OriginOptions;
  /** The rest of the configuration. */
  readonly config?: object;
}

/** Of an upstream where each failure is to be looked at alone. */
export const NO_BREAKER = { consecutiveFailures: 1_000_000, minimumRequests: 1_000_000 };

/** Origins behind one sidecar: the upstream `orders` over all of them, the inbound port over the first. */
export class Scene {
  private constructor(
    readonly origins: readonly OriginApp[],
    readonly sidecar: Sidecar,
  ) {}

  static async start(names: readonly string[], options: SceneOptions = {}): Promise<Scene> {
    const { orders = {}, inbound = {}, config = {}, origin = {}, ...rest } = options;
    const origins = await Promise.all(names.map((name, i) => OriginApp.start(name, i === 0 ? origin : {})));
    const sidecar = await Sidecar.start(
      {
        service: { name: 'web', address: origins[0]!.host, port: origins[0]!.port },
        inbound: { port: 0, ...inbound },
        outbound: { port: 0 },
        upstreams: { orders: { port: 0, balance: 'round_robin', ...orders } },
        static: { orders: origins.map(({ address }) => address) },
        ...config,
      },
      rest,
    );
    return new Scene(origins, sidecar);
  }

  get port(): number {
    return this.sidecar.port('orders');
  }

  /**
   * Ends everything. Whatever a test did to the sidecar, its books must be closed by then, and it must not have seen a
   * state that cannot be.
   */
  async close(): Promise<void> {
    try {
      await eventually(async () => (await this.openBooks()) === 0, 5_000);
    } finally {
      await this.end();
    }
  }

  private async openBooks(): Promise<number> {
    return (
      (await this.sidecar.metric('remora_requests_active')) + (await this.sidecar.metric('remora_endpoint_active'))
    );
  }

  private async end(): Promise<void> {
    const bugs = this.sidecar.log.filter(({ event }) => event === 'bug');
    await this.sidecar.kill();
    await Promise.all(this.origins.map((origin) => origin.kill()));
    if (bugs.length > 0) throw new Error(`the sidecar logged bugs: ${JSON.stringify(bugs)}`);
    if (this.sidecar.stray !== '') throw new Error(`the sidecar said: ${this.sidecar.stray}`);
  }
}
