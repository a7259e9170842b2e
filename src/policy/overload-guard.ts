import type { FailureCode } from '../base/failure.ts';
import type { Random } from '../base/random.ts';
import type { Peer } from '../http/conduit.ts';
import type { Edits } from '../http/edits.ts';
import type { RequestHead } from '../http/head.ts';
import { CRITICALITY_NAMES } from './criticality.ts';
import type { Door, Visit } from './door.ts';
import type { Evidence } from './evidence.ts';
import { Pressure, type PressureOptions } from './pressure.ts';

/** What a sidecar runs out of. */
export const RESOURCES = ['loop', 'heap', 'sockets'] as const;
export type Resource = (typeof RESOURCES)[number];

/** Of the loop in ms, of the others as a share of the bound. */
export type OverloadOptions = Readonly<Record<Resource, PressureOptions>>;

/**
 * A heap that is nearly full ends the process, and a socket too many is refused anyway: there it is safe to act. A
 * slow event loop is watched only. On a machine that gives the sidecar too little CPU, requests would be slow and not
 * lost, and whether no answer is better than a late one is the operator's to say.
 */
export const DEFAULT_OVERLOAD: OverloadOptions = {
  loop: { mode: 'observe', start: 200, full: 1_000 },
  heap: { mode: 'enforce', start: 0.85, full: 0.95 },
  sockets: { mode: 'enforce', start: 0.8, full: 0.95 },
};

export interface OverloadListener {
  /** Pressure on a resource began or ended. */
  onPressure(resource: Resource, pressure: Pressure): void;
}

const GRAIN = 1_000_000;
const LEVELS = CRITICALITY_NAMES.length;
/** Long enough for pressure to have fallen by a fifth. */
const RETRY_AFTER_MS = 1_000;
/** From here on, connections end with their answer. */
const NO_KEEP_ALIVE = 0.5;

/**
 * Turns requests away while this process can still say so: one that is out of memory or hours behind its events says
 * nothing to anybody. The least important go first: each criticality has a quarter of the way from no pressure to full,
 * within which the share that is refused grows from none to all.
 *
 *     pressure      0 ----- 1/4 ----- 1/2 ----- 3/4 ----- 1
 *     sheddable     0 ----> all
 *     sheddable_plus         0 -----> all
 *     critical                         0 -----> all
 *     critical_plus                              0 -----> all
 *
 * Requests are refused for the loop and the heap. They cost no sockets of clients: who is connected is served, whoever
 * else holds connections for nothing, or holding them would be a way to keep all others out. Under pressure of sockets,
 * and of the heap, connections end with their next answer from the half of the way on, and at its end no new ones are
 * taken.
 *
 * All this is settled when readings come, a few times a second; a request looks at one number.
 */
export class OverloadGuard implements Door {
  readonly pressures: Readonly<Record<Resource, Pressure>>;
  /** By criticality, how many were refused and how many would have been. */
  readonly enforced = new Array<number>(LEVELS).fill(0);
  readonly observed = new Array<number>(LEVELS).fill(0);
  connectionsRefused = 0;
  private readonly sheds = new Int32Array(LEVELS);
  private readonly wouldShed = new Int32Array(LEVELS);
  private isCalm = true;
  private endsKeepAlive = false;
  private isFull = false;

  constructor(
    options: OverloadOptions,
    private readonly random: Random,
    private readonly listener: OverloadListener,
  ) {
    this.pressures = {
      loop: new Pressure(options.loop),
      heap: new Pressure(options.heap),
      sockets: new Pressure(options.sockets),
    };
  }

  reconfigure(options: OverloadOptions): void {
    for (const resource of RESOURCES) this.pressures[resource].options = options[resource];
  }

  /** `lateMs`: how late the event loop came to this. The shares are those of the heap and of the sockets in use. */
  sample(lateMs: number, heapShare: number, socketShare: number, now: number): void {
    const { pressures } = this;
    this.take('loop', lateMs, now);
    this.take('heap', heapShare, now);
    this.take('sockets', socketShare, now);
    const heap = actingLevel(pressures.heap);
    const sockets = actingLevel(pressures.sockets);
    this.settle(this.sheds, Math.max(actingLevel(pressures.loop), heap));
    this.settle(this.wouldShed, Math.max(pressures.loop.level, pressures.heap.level));
    this.endsKeepAlive = Math.max(heap, sockets) >= NO_KEEP_ALIVE;
    this.isFull = Math.max(heap, sockets) >= 1;
    this.isCalm = !this.endsKeepAlive && pressures.loop.level === 0 && pressures.heap.level === 0;
  }

  /** Asked for each new connection. */
  refusesConnection(): boolean {
    if (this.isFull) this.connectionsRefused += 1;
    return this.isFull;
  }

  enter(_head: RequestHead | null, _peer: Peer, visit: Visit, _now: number): FailureCode | null {
    if (this.isCalm) return null;
    if (this.endsKeepAlive) visit.isMarked = true;
    const { criticality } = visit;
    const draw = this.random.below(GRAIN);
    if (draw < this.sheds[criticality]!) {
      this.enforced[criticality]! += 1;
      visit.retryAfterMs = RETRY_AFTER_MS;
      return 'sidecar_overloaded';
    }
    if (draw < this.wouldShed[criticality]!) this.observed[criticality]! += 1;
    return null;
  }

  leave(_visit: Visit, _evidence: Evidence, _now: number): void {}

  mark(_visit: Visit, edits: Edits): void {
    if (this.endsKeepAlive) edits.closes = true;
  }

  private take(resource: Resource, reading: number, now: number): void {
    const pressure = this.pressures[resource];
    if (pressure.take(reading, now)) this.listener.onPressure(resource, pressure);
  }

  private settle(shares: Int32Array, level: number): void {
    for (let criticality = 0; criticality < LEVELS; criticality++) {
      const share = level * LEVELS - (LEVELS - 1 - criticality);
      shares[criticality] = Math.round(GRAIN * Math.min(1, Math.max(0, share)));
    }
  }
}

function actingLevel({ level, options }: Pressure): number {
  return options.mode === 'enforce' ? level : 0;
}
