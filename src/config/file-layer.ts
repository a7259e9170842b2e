import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { ConfigTally } from './config-tally.ts';
import type { LayerState } from './layer-state.ts';
import type { LocalText } from './material.ts';
import type { Problem } from './problems.ts';

/** This machine's file: as it was read last, as it is in force, and what is wrong with it. */
export class FileLayer {
  newest: LocalText | null = null;
  problems: readonly Problem[] = [];
  private inForce: LocalText | null = null;
  private freshAt = 0;
  private said = '';

  constructor(
    private readonly clock: Clock,
    private readonly tally: ConfigTally,
  ) {}

  get good(): LocalText | null {
    return this.inForce;
  }

  /** It is in force; true when another one was before. */
  take(file: LocalText): boolean {
    const isNew = this.inForce !== null && this.inForce !== file;
    this.inForce = file;
    return isNew;
  }

  /** What is wrong with the newest. It is said once, and at the start to whoever started the program. */
  note(problems: readonly Problem[]): void {
    this.problems = problems;
    if (problems.length === 0) this.freshAt = this.clock.now();
    const text = JSON.stringify(problems);
    const isSaid = this.said === text;
    this.said = text;
    const [first] = problems;
    if (first !== undefined && !isSaid && this.inForce !== null) {
      this.tally.refuse(this.newest?.source ?? first.source, problems);
    }
  }

  state(): LayerState {
    return {
      name: this.newest?.source ?? '',
      revision: this.inForce === null ? null : revisionOf(this.inForce),
      ageMs: this.inForce === null ? null : Math.max(0, Math.round(this.clock.now() - this.freshAt)),
      problems: this.problems,
      unreachable: null,
    };
  }
}

/** Of a text: short, and the same for the same text. */
export function revisionOf({ text }: LocalText): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
