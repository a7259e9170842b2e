import { type ChildProcess, fork } from 'node:child_process';
import { type Clock, Timer } from '../base/clock.ts';
import type { Material, Settlement, Settler } from './material.ts';
import { Assembly, type Piece } from './settlement-pieces.ts';

/** What goes to the other process, and then `more` for each piece of the settlement after the first. */
export interface SettlingOrder {
  readonly material: Material;
  readonly wallMs: number;
}

/** It could not be judged: that took too long, or ended the process that did it. The message completes "which ...". */
export class SettlingFailed extends Error {
  override readonly name = 'SettlingFailed';
}

export interface SettlerProcessOptions {
  /** The program of the other process, a path. */
  readonly program: string;
  /** Settles in this process, where another cannot be had. */
  here(): Promise<Settler>;
  /** There was no other process to be had; once. */
  onNoProcess(error: Error): void;
  readonly limitMs?: number;
}

/** Far more than the largest document takes that is allowed. */
export const SETTLING_LIMIT_MS = 10_000;
/** Changes come in groups, and starting costs a tenth of a second. */
const IDLE_MS = 5_000;
const ENDS = 'ends the process that judges it';
/** Of the other process, so that no document can take what the machine has. */
const HEAP = '--max-old-space-size=512';

/** One request and its answer. */
interface Errand {
  readonly assembly: Assembly;
  done(settlement: Settlement): void;
  fail(error: Error): void;
}

/**
 * Settles in a process of its own, which is started when there is something to settle and ended when there has been
 * nothing for a while.
 *
 * Reading and judging a document takes libraries of 20 MiB that nothing else needs, and holds the event loop for as
 * long as the document is large. A thread would leave its memory with the process when it ends; a process gives
 * everything back. It is also what can be ended in the middle of a document that would take for ever.
 */
export class SettlerProcess implements Settler {
  private child: ChildProcess | null = null;
  private errand: Errand | null = null;
  private inside: Settler | null = null;
  private readonly limit = new Timer({
    onTimer: () => this.end(new SettlingFailed(`takes more than ${this.limitMs / 1_000} s to judge`)),
  });
  private readonly idle = new Timer({ onTimer: () => this.end(null) });
  private readonly limitMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly options: SettlerProcessOptions,
  ) {
    this.limitMs = options.limitMs ?? SETTLING_LIMIT_MS;
  }

  /** One at a time. Rejects with `SettlingFailed`. */
  async settle(material: Material): Promise<Settlement> {
    try {
      return await this.order(material);
    } catch (error) {
      // Whatever killed it may have meant another process, or the whole machine: it gets a second chance.
      if (error instanceof SettlingFailed && !error.message.startsWith(ENDS)) throw error;
      if (error instanceof SettlingFailed) return this.order(material);
      if (this.inside === null) this.options.onNoProcess(error as Error);
      // The next time another process is asked for again: what was short, descriptors mostly, may be there by then.
      this.inside ??= await this.options.here();
      return this.inside.settle(material);
    }
  }

  /** Of the other process; null while there is none. */
  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  close(): void {
    this.end(new SettlingFailed('is not wanted any more'));
  }

  private order(material: Material): Promise<Settlement> {
    return new Promise((done, fail) => {
      this.clock.disarm(this.idle);
      this.errand = { assembly: new Assembly(material), done, fail };
      this.clock.arm(this.limit, this.clock.now() + this.limitMs);
      const order: SettlingOrder = { material, wallMs: this.clock.wallMs() };
      try {
        this.child ??= this.start();
        const { child } = this;
        child.send(order, (error) => {
          if (error !== null && this.child === child) this.end(new SettlingFailed(`${ENDS} (${error.message})`));
        });
      } catch (error) {
        this.end(error as Error);
      }
    });
  }

  private start(): ChildProcess {
    const child = fork(this.options.program, {
      serialization: 'advanced',
      execArgv: [HEAP],
      env: {},
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const isOurs = (): boolean => this.child === child;
    child.on('message', (piece: unknown) => {
      if (isOurs()) this.take(child, piece as Piece);
    });
    child.on('error', (error) => {
      // One that was started is there to be had, whatever became of it.
      const isStarted = child.pid !== undefined;
      if (isOurs()) this.end(isStarted ? new SettlingFailed(`${ENDS} (${error.message})`) : error);
    });
    child.on('exit', (code, signal) => {
      if (isOurs()) this.end(new SettlingFailed(`${ENDS} (${signal ?? `exit code ${code}`})`));
    });
    return child;
  }

  private take(child: ChildProcess, piece: Piece): void {
    const { errand } = this;
    const settlement = errand?.assembly.add(piece) ?? null;
    if (settlement === null) return void child.send('more');
    this.errand = null;
    this.clock.disarm(this.limit);
    this.clock.arm(this.idle, this.clock.now() + IDLE_MS);
    errand?.done(settlement);
  }

  /** The other process is over, or shall be. Whoever waits for it learns why; nobody does when it was idle. */
  private end(error: Error | null): void {
    const { child, errand } = this;
    this.child = null;
    this.errand = null;
    this.clock.disarm(this.limit);
    this.clock.disarm(this.idle);
    child?.kill('SIGKILL');
    if (error !== null) errand?.fail(error);
  }
}
