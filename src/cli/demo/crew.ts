import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/sleep.ts';
import { Child, type ChildSpec } from './child.ts';

/** A child that ends because of a signal to all of us is no loss: our own signal comes within this time. */
const GRACE_MS = 200;
const FAREWELL_MS = 3_000;

/**
 * Every process the demo started. Whatever way the demo ends, by its own end, by a signal or by a bug, they end too:
 * they are of no value without it.
 */
export class Crew {
  private readonly children = new Set<Child>();
  private isClosed = false;

  constructor(
    private readonly clock: Clock,
    /** Somebody ended whom nobody had told to. */
    private readonly onLoss: (child: Child) => void,
  ) {}

  start(spec: ChildSpec): Child {
    if (this.isClosed) throw new Error(`${spec.name} is started after the end of the demo`);
    const child = new Child(spec);
    this.children.add(child);
    void child.ended.then(() => this.forget(child));
    return child;
  }

  /** Ends all, as far as a signal can, without waiting: also for the handler of a process that exits. */
  killAll(): void {
    this.isClosed = true;
    for (const child of this.children) child.kill();
  }

  async close(): Promise<void> {
    this.killAll();
    const all = Promise.all([...this.children].map((child) => child.ended));
    const enough = new AbortController();
    await Promise.race([all, sleep(this.clock, FAREWELL_MS, enough.signal)]);
    enough.abort();
  }

  private async forget(child: Child): Promise<void> {
    this.children.delete(child);
    if (child.isExpectedToEnd) return;
    await sleep(this.clock, GRACE_MS, new AbortController().signal);
    if (!this.isClosed) this.onLoss(child);
  }
}
