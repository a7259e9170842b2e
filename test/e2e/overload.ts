import { Sidecar } from '../support/sidecar.ts';
import { ChildApp } from './child-app.ts';
import { Load, monotonicMs, type Result } from './load.ts';

const SERVICE_MS = 50;
/** Offered load in multiples of what the endpoint can do. */
const TIMES = 3;
const UNBOUNDED = 100_000;

interface Served {
  readonly begun: number;
  readonly served: number;
  readonly busyMs: number;
  readonly longestLine: number;
}

export interface Overloaded {
  readonly results: readonly Result[];
  /** Requests that got their answer. */
  readonly good: readonly Result[];
  /** The share of the endpoint's places and time that went into answers which somebody got. */
  readonly goodput: number;
  /** The longest that an answered request waited before it was served or after it, in ms. */
  readonly longestWaitMs: number;
  /** The most that ever waited at the endpoint itself. */
  readonly longestLine: number;
  readonly unsent: number;
  /** The longest that the load itself was held up. */
  readonly lateMs: number;
}

/**
 * An endpoint with so many places, offered three times what it can do. Its capacity is sleep and no CPU, so that the share of
 * it that was used is a count: a slow machine makes every request longer and not the share less.
 */
export async function overload(
  places: number,
  orders: object,
  forMs: number,
  serviceMs = SERVICE_MS,
): Promise<Overloaded> {
  const app = await ChildApp.start<Served>('busy-app.mjs', places, serviceMs);
  const sidecar = await Sidecar.start({
    service: { name: 'web', port: app.port },
    upstreams: { orders: { port: 0, ...orders } },
    static: { orders: [app.address] },
  });
  const perSecond = (TIMES * places * 1000) / serviceMs;
  const load = new Load(sidecar.port('orders'), { perSecond, maxOutstanding: UNBOUNDED });
  // The first requests open connections: what they take is left out.
  await load.progress(perSecond / 4);
  const before = await app.tell('restart');
  const from = monotonicMs();
  const answered = load.good;
  await new Promise((resolve) => setTimeout(resolve, forMs));
  const { served, busyMs, longestLine } = await app.tell('restart');
  const spanMs = monotonicMs() - from;
  const delivered = load.good - answered;
  const results = await load.stop();
  await sidecar.kill();
  await app.stop();
  const good = results.filter(({ status }) => status === 200);
  const used = busyMs / (places * spanMs);
  return {
    results,
    good,
    goodput: used * Math.min(1, delivered / served),
    longestWaitMs: Math.max(...good.map(({ tookMs }) => tookMs)) - serviceMs,
    longestLine: Math.max(longestLine, before.longestLine),
    unsent: load.unsent,
    lateMs: load.lateMs,
  };
}
