import type { Log } from '../base/log.ts';
import type { Config, UpstreamConfig } from '../config/config.ts';
import type { Declared, HostRouter } from '../route/routers.ts';
import type { Parts } from './parts.ts';
import { Upstream } from './upstream.ts';

/** The declared upstreams, as the configuration in force has them, and the shared port's view of them. */
export class Upstreams {
  private readonly byName = new Map<string, Upstream>();
  private applying: Promise<void> = Promise.resolve();

  constructor(
    private readonly parts: Parts,
    private readonly shared: HostRouter,
    private readonly log: Log,
  ) {}

  get all(): readonly Upstream[] {
    return [...this.byName.values()];
  }

  /** The first configuration: rejects with the errors of all ports that cannot be opened. */
  async open(config: Config): Promise<void> {
    const failures = await this.replace(config);
    if (failures.length > 0) throw new AggregateError(failures, failures.map((error) => error.message).join('\n'));
  }

  /** A later one. A port that cannot be opened costs its own upstream only; the rest of the change holds. */
  apply(config: Config): Promise<void> {
    this.applying = this.applying.then(async () => {
      for (const error of await this.replace(config)) this.log.error('listener_not_opened', { error });
    });
    return this.applying;
  }

  close(): void {
    for (const upstream of this.byName.values()) upstream.close();
    this.byName.clear();
  }

  private async replace(config: Config): Promise<Error[]> {
    for (const [name, upstream] of this.byName) {
      const wanted = config.upstreams.get(name);
      if (wanted !== undefined && isSamePort(wanted, upstream.declared)) continue;
      this.byName.delete(name);
      upstream.close();
    }
    const failures: Error[] = [];
    const kept = [...this.byName.values()];
    for (const [name, wanted] of config.upstreams) {
      if (this.byName.has(name)) continue;
      await this.add(wanted).catch((error: unknown) => failures.push(error as Error));
    }
    // In one step with the shared port's view: nothing may be routed by a plan whose cluster has been replaced.
    for (const upstream of kept) upstream.reconfigure(config.upstreams.get(upstream.declared.name)!);
    this.shared.replace(
      new Map([...this.byName].filter(isHttp).map(([name, upstream]) => [name, declaredOf(upstream)])),
    );
    return failures;
  }

  private async add(config: UpstreamConfig): Promise<void> {
    const upstream = new Upstream(config, this.parts);
    try {
      await upstream.listen();
    } catch (error) {
      upstream.close();
      throw error;
    }
    this.byName.set(config.name, upstream);
    if (upstream.entry !== null) upstream.entry.announce(this.log);
  }
}

function isSamePort(a: UpstreamConfig, b: UpstreamConfig): boolean {
  return a.protocol === b.protocol && a.listen?.address === b.listen?.address && a.listen?.port === b.listen?.port;
}

function isHttp([, upstream]: readonly [string, Upstream]): boolean {
  return upstream.declared.protocol === 'http';
}

function declaredOf({ plan, declared }: Upstream): Declared {
  return { plan, tag: declared.tag, datacenter: declared.datacenter };
}
