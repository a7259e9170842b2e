import { Sidecar } from '../support/sidecar.ts';
import { ChildApp } from './child-app.ts';

const SERVICES = 4;

interface Counted {
  readonly count: number;
}

/**
 * Four services in a row, each behind a sidecar of its own and calling the next through it. The last one fails every
 * request, so that each sidecar on the way has a reason to try again: what reaches the last is the product of what all of
 * them add, unless they know of each other.
 */
export class Chain {
  private constructor(
    private readonly apps: readonly ChildApp<Counted>[],
    readonly sidecars: readonly Sidecar[],
  ) {}

  /** `next` is how each treats the next one. */
  static async start(next: object): Promise<Chain> {
    const apps = await Promise.all(Array.from({ length: SERVICES }, () => ChildApp.start<Counted>('chain-app.mjs')));
    const sidecars: Sidecar[] = [];
    // From the last one on: each has to know where the next one listens.
    for (const [i, app] of [...apps.entries()].reverse()) {
      const own = { service: { name: `s${i}`, port: app.port }, inbound: { port: 0 } };
      const after = sidecars[0];
      const more =
        after === undefined
          ? {}
          : { upstreams: { next: { port: 0, ...next } }, static: { next: [`127.0.0.1:${after.port('inbound')}`] } };
      const sidecar = await Sidecar.start({ ...own, ...more });
      if (after !== undefined) await app.tell('next', sidecar.port('next'));
      sidecars.unshift(sidecar);
    }
    return new Chain(apps, sidecars);
  }

  /** In front of the first one. */
  get port(): number {
    return this.sidecars[0]!.port('inbound');
  }

  /** How many requests each service got, from the first to the last, since it was asked last. */
  async counts(): Promise<number[]> {
    return (await Promise.all(this.apps.map((app) => app.tell('restart')))).map(({ count }) => count);
  }

  async close(): Promise<void> {
    await Promise.all(this.sidecars.map((sidecar) => sidecar.kill()));
    await Promise.all(this.apps.map((app) => app.stop()));
  }
}
