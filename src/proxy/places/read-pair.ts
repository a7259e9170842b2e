import type { ExchangeContext } from '../exchange-context.ts';
import type { Move } from '../plan.ts';
import { type KeptRequest, pastDoors, Shadow, type ShadowOwner } from './shadow.ts';

export interface ReadPairOwner {
  /** Its second read is over. */
  onSecondOver(pair: ReadPair): void;
}

/**
 * One read at two places: the client has the answer of the main one, and the other's is compared with it when both are
 * whole. Whoever is first is remembered by a digest alone. A second read whose first comes to nothing is given up.
 */
export class ReadPair implements ShadowOwner {
  private readonly shadow: Shadow;
  private main: string | null = null;
  private second: string | null = null;
  private isJudged = false;

  constructor(
    context: ExchangeContext,
    private readonly move: Move,
    request: KeptRequest,
    private readonly owner: ReadPairOwner,
  ) {
    this.shadow = new Shadow(context, pastDoors(move.others[0]), request, true, this);
  }

  begin(): void {
    this.shadow.start();
  }

  /** `print`: see `printOf`; null when the main place gave no whole answer. */
  onMainOver(print: string | null): void {
    this.main = print;
    if (print !== null) return this.compare();
    this.cancel();
  }

  /** The time is up, or there is nothing to compare with. */
  cancel(): void {
    const wasRunning = !this.shadow.isOver;
    this.shadow.cancel('superseded');
    this.judge('skipped');
    if (wasRunning) this.owner.onSecondOver(this);
  }

  onShadowOver(): void {
    this.second = this.shadow.print();
    if (this.second === null) this.judge('failed');
    else this.compare();
    this.owner.onSecondOver(this);
  }

  private compare(): void {
    if (this.main !== null && this.second !== null) this.judge(this.main === this.second ? 'same' : 'different');
  }

  private judge(result: 'same' | 'different' | 'failed' | 'skipped'): void {
    if (this.isJudged) return;
    this.isJudged = true;
    this.move.watch.onRead(result);
  }
}
