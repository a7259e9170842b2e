import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { Watch } from '../base/watch.ts';
import type { ClusterSnapshot } from '../cluster/snapshot.ts';
import type { Sockets } from '../net/sockets.ts';
import { Connect } from './knock.ts';

/** A starting application is looked at this often, and one that does not answer any more. */
const ANXIOUS_MS = 1_000;
/** It is on this very machine: inbound's own patience with it. */
const CONNECT_MS = 1_000;
/** Connects in a row that end neither way before that counts as gone. */
const TOLERATED = 3;

/**
 * Whether the local application accepts connections, which is what Consul is to be told: a sidecar that is ready in
 * front of an application that is not would draw traffic and fail it.
 *
 *     down --(accepted)--> up --(refused, or silent three times running)--> down
 *
 * It only connects and closes, since what a request would do is the application's business. A refusal is its word and
 * believed at once. Silence may be a full accept queue, and to shed all callers of a busy service moves the load to its
 * peers, so it has to last.
 */
export class ApplicationProbe implements TimerOwner {
  /** Why it is held for down, for an operator; null when it is up. */
  problem: string | null = 'not looked at yet';
  private state: 'unknown' | 'up' | 'down' = 'unknown';
  private silences = 0;
  /** The connect in progress. */
  private dial: Connect | null = null;
  private isStopped = false;
  private readonly timer = new Timer(this);

  constructor(
    private readonly sockets: Sockets,
    /** Its address may be a name that is still being resolved. */
    private readonly application: Watch<ClusterSnapshot>,
    /** Between looks at one that is up. */
    private readonly calmMs: number,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  get isUp(): boolean {
    return this.state === 'up';
  }

  /** Looks at once. */
  start(): void {
    this.look(this.clock.now());
  }

  stop(): void {
    this.isStopped = true;
    this.clock.disarm(this.timer);
    this.dial?.abandon();
    this.dial = null;
  }

  /** The next look is due, or the one in progress has taken too long. */
  onTimer(_timer: Timer, now: number): void {
    if (this.dial === null) return this.look(now);
    this.dial.abandon();
    this.conclude('connect_timeout');
  }

  private look(now: number): void {
    const target = this.application.value?.endpoints[0];
    if (target === undefined) return this.conclude('discovery_pending');
    this.dial = new Connect((code) => this.conclude(code));
    this.clock.arm(this.timer, now + CONNECT_MS);
    this.dial.begin(this.sockets.dial(target.host, target.port, this.dial));
  }

  /** Null: it accepted. */
  private conclude(code: FailureCode | null): void {
    if (this.isStopped) return;
    this.dial = null;
    const isClear = code === null || code === 'connect_refused';
    this.silences = isClear ? 0 : this.silences + 1;
    if (code === null) this.enter('up', null);
    else if (this.state !== 'up' || isClear || this.silences >= TOLERATED) this.enter('down', code);
    const isCalm = this.isUp && this.silences === 0;
    this.clock.arm(this.timer, this.clock.now() + (isCalm ? this.calmMs : ANXIOUS_MS));
  }

  private enter(state: 'up' | 'down', code: FailureCode | null): void {
    this.problem = code === null ? null : (this.application.problem ?? this.complaint(code));
    if (state === this.state) return;
    this.state = state;
    const endpoint = this.application.value?.endpoints[0]?.id ?? null;
    if (state === 'up') this.log.info('application_up', { endpoint });
    else this.log.warn('application_down', { endpoint, problem: this.application.problem ?? code });
  }

  private complaint(code: FailureCode): string {
    const target = this.application.value?.endpoints[0];
    const where = target === undefined ? '' : ` at ${target.host}:${target.port}`;
    return `down${where} (${MEANINGS[code] ?? code})`;
  }
}

const MEANINGS: Partial<Readonly<Record<FailureCode, string>>> = {
  connect_refused: 'nothing listens there',
  connect_timeout: `it accepted no connection within ${CONNECT_MS} ms`,
};
