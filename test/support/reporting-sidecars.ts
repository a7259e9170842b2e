import { openReporter } from '../../src/agent/open-reporter.ts';
import type { Reporter } from '../../src/agent/reporter.ts';
import { SystemClock } from '../../src/base/clock-system.ts';
import { freshRandom } from '../../src/base/random.ts';
import { followedTree } from '../../src/config/followed-tree.ts';
import { LiveConfig } from '../../src/config/live-config.ts';
import type { Settler } from '../../src/config/material.ts';
import { ConsulClient } from '../../src/discovery/consul-client.ts';
import { KvTree } from '../../src/discovery/kv-tree.ts';
import type { Telemetry } from '../../src/telemetry/telemetry.ts';

const SILENT_LOG = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * The part of a sidecar that speaks with Consul about configuration: its watches, its layers, its session and its
 * status, without a proxy. Many of them fit into one process, each with connections of its own.
 */
export class ReportingSidecar {
  /** What was asked of Consul, by call. */
  readonly asked = new Map<string, number>();
  private readonly ends = new AbortController();

  private constructor(
    private readonly settings: LiveConfig,
    private readonly reporter: { current: Reporter | null },
    private readonly client: ConsulClient,
  ) {}

  static async start(i: number, address: string, settler: Settler): Promise<ReportingSidecar> {
    const clock = new SystemClock();
    const random = freshRandom();
    const listener = {
      onConfigApplied: () => undefined,
      onConfigRefused: () => undefined,
      onConfigUnreachable: () => undefined,
    };
    const settings = new LiveConfig(clock, settler, listener);
    const text = JSON.stringify({
      service: { name: 'web', id: `web-${i}`, port: 8080 },
      upstreams: { orders: {} },
      consul: { address },
      admin: { port: 0 },
    });
    await settings.takeFile({ source: 'remora.yaml', text, env: {}, set: [] });
    const config = settings.config.value!;
    const client = new ConsulClient(config.consul!, clock);
    const sidecar = new ReportingSidecar(settings, { current: null }, client);
    const api = counted(client, sidecar.asked);
    settings.follow(
      new KvTree(api, clock, random).follow(followedTree('web'), sidecar.ends.signal),
      'web',
      sidecar.ends.signal,
    );
    const telemetry = { traffic: steadyTraffic(clock) } as unknown as Telemetry;
    const given = { version: 'test', settings, telemetry, clock, random, log: SILENT_LOG };
    const reporter = await openReporter(given, api, config, () => []);
    sidecar.reporter.current = reporter;
    settings.config.subscribe(() => reporter.onChange());
    reporter.start();
    return sidecar;
  }

  get total(): number {
    return [...this.asked.values()].reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<void> {
    await this.reporter.current?.close(2_000);
    this.ends.abort();
    await this.settings.close();
    this.client.close();
  }
}

/** Each call is one request, and is counted by its name. */
function counted(client: ConsulClient, asked: Map<string, number>): ConsulClient {
  return new Proxy(client, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name);
      if (typeof found !== 'function') return found;
      return (...args: unknown[]): unknown => {
        asked.set(String(name), (asked.get(String(name)) ?? 0) + 1);
        return Reflect.apply(found, target, args);
      };
    },
  });
}

/** A thousand requests a second, all of them good. */
function steadyTraffic(clock: SystemClock): Pick<Telemetry['traffic'], 'read'> {
  const durations = new Float64Array(15);
  return { read: () => new Map([['orders', { requests: Math.floor(clock.now()), errors: 0, durations }]]) };
}
