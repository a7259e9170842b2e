import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Config, UpstreamConfig } from '../config/config.ts';
import { ListenError } from '../net/listener.ts';
import type { Declared, HostRouter } from '../route/routers.ts';
import type { Parts } from './parts.ts';
import { Upstream, type UpstreamOwner } from './upstream.ts';

const RETRY_MS = 5_000;

/**
 * The declared upstreams, as the configuration in force has them, and the shared port's view of them.
 *
 * A port is opened before anything is given up for it. One that cannot be opened costs the change of its own upstream
 * and nothing else: that one goes on as it was, and the port is tried again until it opens or is wanted no more.
 */
export class Upstreams implements TimerOwner, UpstreamOwner {
  private readonly byName = new Map<string, Upstream>();
  private applying: Promise<void> = Promise.resolve();
  private wanted: Config | null = null;
  private failed: ReadonlyMap<string, Error> = new Map();
  private readonly timer = new Timer(this);
  private readonly clock: Clock;
  private isEnded = false;

  constructor(
    private readonly parts: Parts,
    private readonly shared: HostRouter,
    private readonly log: Log,
    /** An upstream knows its endpoints anew. */
    private readonly onApply: () => void,
  ) {
    this.clock = parts.clock;
  }

  get all(): readonly Upstream[] {
    return [...this.byName.values()];
  }

  /** What could not be opened, by upstream. */
  get failures(): ReadonlyMap<string, Error> {
    return this.failed;
  }

  /** The first configuration: rejects with the errors of all ports that cannot be opened. */
  async open(config: Config): Promise<void> {
    const failures = [...(await this.replace(config, true)).values()];
    if (failures.length > 0) throw new AggregateError(failures, failures.map((error) => error.message).join('\n'));
  }

  /** A later one, after those before it. Never rejects: a bug in one change must not keep out the next. */
  apply(config: Config): Promise<void> {
    return this.enqueue(config, true);
  }

  /** The program is about to stop: what is open stays so, and nothing is opened any more. */
  freeze(): void {
    this.isEnded = true;
    this.clock.disarm(this.timer);
  }

  close(): void {
    this.freeze();
    for (const upstream of this.byName.values()) upstream.close();
    this.byName.clear();
  }

  onTimer(): void {
    void this.enqueue(this.wanted!, false);
  }

  onSwitch(): void {
    this.publish();
  }

  onEndpoints(): void {
    this.onApply();
  }

  private enqueue(config: Config, isNew: boolean): Promise<void> {
    this.applying = this.applying
      .then(() => this.applyNow(config, isNew))
      .catch((error: unknown) => this.parts.observer.onBug(error));
    return this.applying;
  }

  private async applyNow(config: Config, isNew: boolean): Promise<void> {
    if (this.isEnded) return;
    this.clock.disarm(this.timer);
    this.wanted = config;
    const known = this.failed;
    this.failed = await this.replace(config, isNew);
    for (const [name, error] of this.failed) {
      if (error.message !== known.get(name)?.message) this.log.error('listener_not_opened', { error });
    }
    if (this.failed.size > 0 && !this.isEnded) this.clock.arm(this.timer, this.clock.now() + RETRY_MS);
  }

  private async replace(config: Config, isNew: boolean): Promise<ReadonlyMap<string, Error>> {
    const away: UpstreamConfig[] = [];
    for (const [name, upstream] of this.byName) {
      if (config.upstreams.has(name)) continue;
      this.byName.delete(name);
      upstream.close();
    }
    for (const wanted of config.upstreams.values()) {
      const upstream = this.byName.get(wanted.name);
      if (upstream !== undefined && isInPlace(upstream, wanted)) upstream.reconfigure(wanted);
      else away.push(wanted);
    }
    this.publish();
    const failures = await this.placeAll(away, isNew);
    this.publish();
    return new Map([...failures].map(([{ name }, error]) => [name, error]));
  }

  private async placeAll(
    wanted: readonly UpstreamConfig[],
    isNew: boolean,
  ): Promise<ReadonlyMap<UpstreamConfig, Error>> {
    const failures = await this.placeEach(wanted);
    const circle = isNew ? this.circleAmong(failures) : [];
    if (circle.length > 0) await this.turn(circle, failures);
    return failures;
  }

  /** Until nothing more opens: a port is free when the upstream that had it has moved on. */
  private async placeEach(wanted: readonly UpstreamConfig[]): Promise<Map<UpstreamConfig, Error>> {
    let left = wanted;
    while (true) {
      const failures = new Map<UpstreamConfig, Error>();
      for (const config of left) await this.place(config).catch((error: Error) => failures.set(config, error));
      if (failures.size === 0 || failures.size === left.length) return failures;
      left = [...failures.keys()];
    }
  }

  private async place(config: UpstreamConfig): Promise<void> {
    if (this.isEnded) return;
    const known = this.byName.get(config.name);
    if (known !== undefined) return known.move(config);
    const upstream = new Upstream(config, this.parts, this);
    try {
      await upstream.listen();
    } catch (error) {
      upstream.close();
      throw error;
    }
    if (this.isEnded) upstream.close();
    else this.byName.set(config.name, upstream);
  }

  /**
   * Upstreams that want one another's ports, or their own for another protocol: nobody can bind first. Who waits for a
   * port that is not given up is not among them.
   */
  private circleAmong(failures: ReadonlyMap<UpstreamConfig, Error>): readonly UpstreamConfig[] {
    let circle = [...failures.keys()].filter(
      (config) => isTaken(failures.get(config)!) && this.byName.has(config.name),
    );
    while (true) {
      const given = new Set(circle.map(({ name }) => this.byName.get(name)!.entry?.port));
      const smaller = circle.filter(({ listen }) => given.has(listen?.port));
      if (smaller.length === circle.length) return circle;
      circle = smaller;
    }
  }

  /**
   * All of them give up their ports and take the new ones, or else all go back. Not tried again by itself, since it
   * turns callers away while it lasts.
   */
  private async turn(circle: readonly UpstreamConfig[], failures: Map<UpstreamConfig, Error>): Promise<void> {
    const members = circle.map((config) => ({ config, upstream: this.byName.get(config.name)! }));
    for (const { upstream } of members) upstream.closePort();
    const stuck = new Map<UpstreamConfig, Error>();
    for (const { config, upstream } of members) {
      await upstream.listen(config).catch((error: Error) => stuck.set(config, error));
    }
    for (const { config, upstream } of members) {
      if (stuck.size > 0) upstream.closePort();
      else {
        upstream.reconfigure(config);
        failures.delete(config);
      }
    }
    if (stuck.size === 0) return;
    for (const { config, upstream } of members) {
      failures.set(config, stuck.get(config) ?? failures.get(config)!);
      await upstream.listen().catch((error: Error) => failures.set(config, error));
    }
  }

  /** In one step with what has been replaced: the shared port never routes by a plan that is past. */
  private publish(): void {
    this.shared.replace(
      new Map([...this.byName].filter(isHttp).map(([name, upstream]) => [name, declaredOf(upstream)])),
    );
  }
}

function isTaken(error: Error): boolean {
  return error instanceof ListenError && error.reason === 'EADDRINUSE';
}

function isInPlace({ declared, isListening }: Upstream, wanted: UpstreamConfig): boolean {
  const { protocol, listen } = declared;
  return (
    isListening &&
    protocol === wanted.protocol &&
    listen?.address === wanted.listen?.address &&
    listen?.port === wanted.listen?.port
  );
}

function isHttp([, upstream]: readonly [string, Upstream]): boolean {
  return upstream.declared.protocol === 'http';
}

function declaredOf({ plan, declared }: Upstream): Declared {
  return { plan, tag: declared.tag, datacenter: declared.datacenter };
}
