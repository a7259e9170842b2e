import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/sleep.ts';
import type { Catalog, Stage } from './consul.ts';
import { Load } from './load.ts';
import { KINDS, type Kind, type Mesh } from './mesh.ts';
import { type EndpointRow, type Picture, secondsWords } from './picture.ts';
import type { Show } from './show.ts';
import { Tally } from './tally.ts';
import { readWeb, type WebListener, WebWatch } from './web-watch.ts';

export const FIRST_KINDS: readonly Kind[] = ['steady', 'slow', 'flaky'];
export const PER_SECOND = 250;
const KILL_AT = 1 / 3;
const ADD_AT = 1 / 2;
/** The steady one: what is left is slow or failing, so that the sidecar has something to show. */
const VICTIM = 0;
/** Events to remember; the screen shows the newest. */
const MAX_EVENTS = 100;

export interface StoryOptions {
  readonly seconds: number;
  readonly catalog: Catalog;
  /** The command that shows more. */
  readonly hint: string;
}

/**
 * What happens in the demo, and the books of it: a load from beginning to end, one instance killed after a third of the
 * time, a new one added after half of it. Everything that is shown comes from the caller's own tally or from the admin
 * port of web's sidecar, as an operator would see it.
 */
export class Story implements WebListener {
  readonly tally: Tally;
  readonly web: WebWatch;
  private readonly clock: Clock;
  private readonly startedAt: number;
  private readonly events: string[] = [];
  private phase = '';

  constructor(
    private readonly stage: Stage,
    private readonly mesh: Mesh,
    private readonly show: Show,
    private readonly options: StoryOptions,
  ) {
    this.clock = stage.clock;
    this.startedAt = this.clock.now();
    this.tally = new Tally(this.startedAt);
    this.web = new WebWatch(this.clock, this);
  }

  /** Resolves when the last request has its outcome and the last numbers are in. */
  async run(): Promise<void> {
    const { clock, options, mesh, tally, stage } = this;
    const forMs = options.seconds * 1_000;
    const load = new Load(clock, { port: mesh.callPort, perSecond: PER_SECOND, forMs }, tally);
    const isOver = new AbortController();
    const watching = this.watch(AbortSignal.any([stage.signal, isOver.signal]));
    this.turn(`${PER_SECOND} requests a second from web to ${FIRST_KINDS.length} instances of orders`);
    try {
      await Promise.all([load.run(stage.signal), this.plot(forMs)]);
    } finally {
      isOver.abort();
      await watching;
    }
    stage.signal.throwIfAborted();
    await this.look();
  }

  picture(): Picture {
    const { tally, web, options, mesh } = this;
    const now = this.clock.now();
    return {
      elapsedMs: now - this.startedAt,
      totalMs: options.seconds * 1_000,
      catalog: catalogWords(options.catalog),
      phase: this.phase,
      recent: tally.recent(now),
      sent: tally.sent,
      failed: tally.failed,
      retried: web.retries,
      trips: web.trips,
      rows: mesh.instances.map((instance) => this.row(instance)),
      events: this.events,
      hint: options.hint,
    };
  }

  onCircuit(port: number, isClosed: boolean): void {
    const name = this.nameOf(port);
    if (name === null) return;
    this.note(isClosed ? `${name} is back: its breaker has closed` : `${name} has failed too often: its breaker opens`);
  }

  onHealth(port: number, health: string): void {
    const name = this.nameOf(port);
    if (name !== null) this.note(`the catalog calls ${name} ${health}`);
  }

  private async plot(forMs: number): Promise<void> {
    const { mesh, stage } = this;
    await this.until(forMs * KILL_AT);
    const victim = mesh.instances[VICTIM]!;
    mesh.kill(victim);
    this.turn(`${victim.name} is killed with SIGKILL, application and sidecar`);
    await this.until(forMs * ADD_AT);
    this.turn(`a new instance of orders is started`);
    const added = await mesh.add('steady');
    stage.signal.throwIfAborted();
    this.turn(`${added.name} is added`);
  }

  private async until(elapsedMs: number): Promise<void> {
    const { clock, signal } = this.stage;
    await sleep(clock, this.startedAt + elapsedMs - clock.now(), signal);
    signal.throwIfAborted();
  }

  private async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      if (signal.aborted) return;
      this.show.update(this.picture());
      await sleep(this.clock, this.show.everyMs, signal);
    }
  }

  /** An operator's view may be late. That web's sidecar is gone is noticed by whoever keeps the processes. */
  private async look(): Promise<void> {
    try {
      this.web.take(await readWeb(this.mesh.adminPort));
    } catch (error) {
      if (!this.stage.signal.aborted)
        this.note(`web's sidecar does not answer its operators: ${(error as Error).message}`);
    }
  }

  private row({ name, kind, port, isKilled }: Mesh['instances'][number]): EndpointRow {
    const found = this.web.endpoints.find((endpoint) => endpoint.port === port);
    // A file says who is there and not how they are.
    const isListed = this.options.catalog.kind === 'file' && found?.health === 'passing';
    const seen = found === undefined ? null : { ...found, health: isListed ? 'listed' : found.health };
    return { name, about: KINDS[kind], isKilled, seen };
  }

  private nameOf(port: number): string | null {
    return this.mesh.instances.find((instance) => instance.port === port)?.name ?? null;
  }

  private turn(phase: string): void {
    this.phase = phase;
    this.note(phase);
  }

  private note(text: string): void {
    const event = `${secondsWords(this.clock.now() - this.startedAt).padStart(6)}  ${text}`;
    this.events.push(event);
    if (this.events.length > MAX_EVENTS) this.events.shift();
    this.show.event(event);
  }
}

function catalogWords(catalog: Catalog): string {
  return catalog.kind === 'consul' ? `Consul, ${catalog.address}` : 'a watched file, without Consul';
}
