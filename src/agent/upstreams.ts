import { isDeepStrictEqual } from 'node:util';
import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Config, UpstreamConfig } from '../config/config.ts';
import { ListenError } from '../net/listener.ts';
import type { Declared, HostRouter } from '../route/routers.ts';
import type { Parts } from './parts.ts';
import { portProtocolOf } from './protocols.ts';
import { type PreparedRoutes, RouteTables } from './routes.ts';
import { Upstream, type UpstreamOwner } from './upstream.ts';

const RETRY_FLOOR_MS = 1_000;
const RETRY_CAP_MS = 30_000;

/**
 * The declared upstreams, as the configuration in force has them, and the shared port's view of them.
 *
 * A port is opened before anything is given up for it. One that cannot be opened costs the change of its own upstream
 * and nothing else: that one goes on as it was, or waits outside when it is new, and the port is tried again until it
 * opens or is wanted no more. What ends in a bug is tried again likewise.
 *
 * Routes are compiled before anything changes, in slices. Then all that no port is needed for is taken in one turn: new
 * upstreams are made, those that stay get their new plans, tables and names are swapped, and only then are those closed
 * that are named no more. No request comes in between, so none is led by a table to an upstream that is not there yet,
 * or not any more. Ports come after that. Who waits for one goes on as it was, under the new routes.
 */
export class Upstreams implements TimerOwner, UpstreamOwner {
  private readonly byName = new Map<string, Upstream>();
  /** New ones without their port: complete but for that, and used by nobody. */
  private readonly outside = new Map<string, Upstream>();
  private applying: Promise<void> = Promise.resolve();
  private wanted: Config | null = null;
  private failed: ReadonlyMap<string, Error> = new Map();
  private brokenBy: Error | null = null;
  /** In a row, since the last new configuration. */
  private retries = 0;
  private readonly timer = new Timer(this);
  private readonly clock: Clock;
  private isEnded = false;
  readonly tables: RouteTables;

  constructor(
    private readonly parts: Parts,
    private readonly shared: HostRouter,
    private readonly log: Log,
    /** An upstream knows its endpoints anew. */
    private readonly onApply: () => void,
  ) {
    this.clock = parts.clock;
    this.tables = new RouteTables(parts);
  }

  get all(): readonly Upstream[] {
    return [...this.byName.values()];
  }

  /** What could not be opened or changed, by upstream. */
  get failures(): ReadonlyMap<string, Error> {
    return this.failed;
  }

  /** The bug that ended the last change before its end. */
  get broken(): Error | null {
    return this.brokenBy;
  }

  /** The first configuration: rejects with the errors of all ports that cannot be opened. */
  async open(config: Config): Promise<void> {
    const failures = [...(await this.replace(config, await this.tables.prepare(config))).values()];
    if (failures.length > 0) throw new AggregateError(failures, failures.map((error) => error.message).join('\n'));
  }

  /** A later one, after those before it. Never rejects: a bug in one change must not keep out the next. */
  apply(config: Config): Promise<void> {
    return this.enqueue(() => {
      this.retries = 0;
      return this.applyNow(config);
    });
  }

  /** The program is about to stop: what is open stays so, and nothing is opened any more. */
  freeze(): void {
    this.isEnded = true;
    this.clock.disarm(this.timer);
  }

  close(): void {
    this.freeze();
    for (const upstream of [...this.byName.values(), ...this.outside.values()]) upstream.close();
    this.byName.clear();
    this.outside.clear();
  }

  onTimer(): void {
    void this.enqueue(() => (this.brokenBy === null ? this.openAgain() : this.applyNow(this.wanted!)));
  }

  onSwitch(): void {
    this.publish();
  }

  onEndpoints(): void {
    this.onApply();
  }

  private enqueue(change: () => Promise<void>): Promise<void> {
    this.applying = this.applying.then(change).catch((error: Error) => {
      this.parts.observer.onBug(error);
      this.brokenBy = error;
      this.tryLater();
    });
    return this.applying;
  }

  private async applyNow(config: Config): Promise<void> {
    if (this.isEnded) return;
    const routes = await this.tables.prepare(config);
    if (this.isEnded) return;
    this.clock.disarm(this.timer);
    this.wanted = config;
    this.take(await this.replace(config, routes));
  }

  /** What has failed and nothing else: the others are as they are wanted. */
  private async openAgain(): Promise<void> {
    if (this.isEnded) return;
    const left = [...this.wanted!.upstreams.values()].filter(({ name }) => this.failed.has(name));
    const failures = await this.placeAll(left, false);
    if (failures.size < left.length) this.publish();
    this.take(byName(failures));
  }

  private take(failures: ReadonlyMap<string, Error>): void {
    const known = this.failed;
    this.failed = failures;
    this.brokenBy = null;
    for (const [name, error] of failures) if (error.message !== known.get(name)?.message) this.report(error);
    if (failures.size > 0) this.tryLater();
  }

  private report(error: Error): void {
    if (error instanceof ListenError) this.log.error('listener_not_opened', { error });
    else this.parts.observer.onBug(error);
  }

  private tryLater(): void {
    if (this.isEnded) return;
    const delayMs = Math.min(RETRY_CAP_MS, RETRY_FLOOR_MS * 2 ** Math.min(this.retries, 10));
    this.retries += 1;
    this.clock.arm(this.timer, this.clock.now() + delayMs);
  }

  private async replace(config: Config, routes: PreparedRoutes): Promise<ReadonlyMap<string, Error>> {
    this.parts.subsets.replace(config);
    const gone = this.takeOut(config);
    const away: UpstreamConfig[] = [];
    const broken = new Map<UpstreamConfig, Error>();
    for (const wanted of config.upstreams.values()) {
      const upstream = this.byName.get(wanted.name);
      const isHere = upstream !== undefined && isInPlace(upstream, wanted);
      if (!isHere) away.push(wanted);
      attempt(
        () => (isHere ? upstream.reconfigure(wanted) : upstream === undefined && this.prepare(wanted)),
        (error) => isHere && broken.set(wanted, error),
      );
    }
    this.tables.take(routes);
    this.publish();
    for (const upstream of gone) upstream.close();
    const failures = await this.placeAll(away, true);
    this.publish();
    return byName(new Map([...broken, ...failures]));
  }

  /** Those that are wanted no more: known to nobody, and not yet closed. */
  private takeOut(config: Config): readonly Upstream[] {
    const gone: Upstream[] = [];
    for (const known of [this.byName, this.outside]) {
      for (const [name, upstream] of known) {
        if (config.upstreams.has(name)) continue;
        known.delete(name);
        gone.push(upstream);
      }
    }
    return gone;
  }

  /** A new one, or one that waits outside: routes lead there without its port. */
  private prepare(config: UpstreamConfig): Upstream {
    const waiting = this.outside.get(config.name);
    waiting?.reconfigure(config);
    const upstream = waiting ?? new Upstream(config, this.parts, this);
    this.outside.set(config.name, upstream);
    return upstream;
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
    const { name } = config;
    const known = this.byName.get(name);
    if (known !== undefined) return isInPlace(known, config) ? known.reconfigure(config) : known.move(config);
    const upstream = this.prepare(config);
    await upstream.listen();
    this.outside.delete(name);
    if (this.isEnded) upstream.close();
    else this.byName.set(name, upstream);
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
    for (const upstream of [...this.byName.values(), ...this.outside.values()]) {
      upstream.lead(this.tables.of(upstream.declared.name));
    }
    this.tables.follow((name) => this.byName.get(name) ?? this.outside.get(name) ?? null);
    const declared = new Map([...this.byName].filter(isHttp).map(([name, upstream]) => [name, declaredOf(upstream)]));
    this.shared.replace(declared);
    this.shared.lead(this.tables.shared);
    this.parts.directory.replace(declared);
  }
}

function byName(failures: ReadonlyMap<UpstreamConfig, Error>): ReadonlyMap<string, Error> {
  return new Map([...failures].map(([{ name }, error]) => [name, error]));
}

function attempt(change: () => void, onError: (error: Error) => void): void {
  try {
    change();
  } catch (error) {
    onError(error as Error);
  }
}

function isTaken(error: Error): boolean {
  return error instanceof ListenError && error.reason === 'EADDRINUSE';
}

function isInPlace({ declared, isListening }: Upstream, wanted: UpstreamConfig): boolean {
  const { protocol, listen, roles } = declared;
  return (
    isListening &&
    portProtocolOf(protocol) === portProtocolOf(wanted.protocol) &&
    listen?.address === wanted.listen?.address &&
    listen?.port === wanted.listen?.port &&
    isDeepStrictEqual(roles?.listen, wanted.roles?.listen)
  );
}

function isHttp([, upstream]: readonly [string, Upstream]): boolean {
  return upstream.declared.protocol !== 'tcp';
}

function declaredOf({ plan, declared, leads }: Upstream): Declared {
  return { plan, tag: declared.tag, datacenter: declared.datacenter, leads };
}
