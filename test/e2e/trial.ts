import { type Account, accountOf } from '../support/attempt-law.ts';
import { eventually } from '../support/eventually.ts';
import { Load, monotonicMs, type Result } from './load.ts';
import type { OriginApp, OriginOptions } from './origin-app.ts';
import { Scene } from './scene.ts';

/** Patience that is short enough for a test: what is asserted are counts, and never that it was quick. */
export const IMPATIENT = {
  timeouts: { connect: '300ms', attempt: '400ms', request: '5s' },
  breaker: { coolDown: '250ms', maxCoolDown: '1s' },
};
const GETS_PER_SECOND = 80;
const POSTS_PER_SECOND = 20;
/** The schedule is kept however many are unanswered. */
const UNBOUNDED = 10_000;
/** Of the last so many GETs an endpoint has had its share again when it has had four fifths of that. */
const LAST = 90;
const RECOVERY_GUARD_MS = 30_000;

/** What came of the requests that were sent since some instant. */
export interface Span {
  readonly gets: readonly Result[];
  readonly posts: readonly Result[];
}

/**
 * Three endpoints under a load that does not care what becomes of it: GETs, which may be sent again, and POSTs, which may
 * not. One sidecar and one load for all faults that are tried on it, so what one leaves behind is the next one's.
 */
export class Trial {
  private readonly startedAt = monotonicMs();

  private constructor(
    readonly scene: Scene,
    private readonly gets: Load,
    private readonly posts: Load,
  ) {}

  static async start(origin: OriginOptions = {}): Promise<Trial> {
    const scene = await Scene.start(['a', 'b', 'c'], { orders: IMPATIENT, origin });
    const gets = new Load(scene.port, { perSecond: GETS_PER_SECOND, maxOutstanding: UNBOUNDED });
    const posts = new Load(scene.port, {
      method: 'POST',
      body: 'once',
      perSecond: POSTS_PER_SECOND,
      maxOutstanding: UNBOUNDED,
    });
    const trial = new Trial(scene, gets, posts);
    await trial.recovered();
    return trial;
  }

  get victim(): OriginApp {
    return this.scene.origins[0]!;
  }

  get origins(): readonly OriginApp[] {
    return this.scene.origins;
  }

  /** Until so many more GETs are over. */
  more(count: number): Promise<void> {
    return this.gets.progress(count);
  }

  /** Until circuits have opened more often than before. */
  async tripped(before: number): Promise<void> {
    await eventually(async () => (await this.trips()) > before);
  }

  trips(): Promise<number> {
    return this.scene.sidecar.metric('remora_breaker_trips_total');
  }

  /** Until each has had its share of the last GETs. */
  async recovered(): Promise<void> {
    const from = this.gets.results.length;
    await eventually(() => {
      const last = this.gets.results.slice(from).slice(-LAST);
      const fair = LAST / this.origins.length;
      return this.origins.every(({ name }) => last.filter(({ origin }) => origin === name).length >= 0.8 * fair);
    }, RECOVERY_GUARD_MS);
  }

  /** All that were sent since then and are over. */
  since(at: number): Span {
    const recent = (load: Load): Result[] => load.results.filter(({ sentAt }) => sentAt >= at);
    return { gets: recent(this.gets), posts: recent(this.posts) };
  }

  /** How many attempts were followed by another, those that nobody saw among them. */
  retries(): Promise<number> {
    return this.scene.sidecar.metric('remora_retries_total');
  }

  /** Sends no more, and closes the books of all that was sent. */
  async end(): Promise<{
    readonly span: Span;
    readonly gets: Account;
    readonly posts: Account;
    readonly unsent: number;
  }> {
    await Promise.all([this.gets.stop(), this.posts.stop()]);
    const attempted = this.origins.flatMap(({ attempted }) => attempted);
    const span = this.since(this.startedAt);
    const unsent = this.gets.unsent + this.posts.unsent;
    return { span, gets: accountOf(span.gets, attempted), posts: accountOf(span.posts, attempted), unsent };
  }
}

/** Those that were no success. */
export function failedOf(results: readonly Result[]): Result[] {
  return results.filter(({ status }) => status !== 200);
}
