import type { ConfigListener } from './config-listener.ts';

import type { Problem } from './problems.ts';

/** What came of changes since the start, by what problems call their source; for metrics. */
export interface ConfigCounts {
  readonly applied: ReadonlyMap<string, number>;
  readonly refused: ReadonlyMap<string, number>;
  /** Settlings that were done, and those that failed or took too long. */
  readonly settled: number;
  readonly failed: number;
}

/** What is known by heart must not grow with what others write. */
const MAX_SOURCES = 1_000;

/** Counts what it tells the listener. */
export class ConfigTally implements ConfigCounts {
  readonly applied = new Map<string, number>();
  readonly refused = new Map<string, number>();
  settled = 0;
  failed = 0;

  constructor(private readonly listener: ConfigListener) {}

  apply(source: string, revision: string): void {
    count(this.applied, source);
    this.listener.onConfigApplied(source, revision);
  }

  refuse(source: string, problems: readonly Problem[]): void {
    count(this.refused, source);
    this.listener.onConfigRefused(source, problems);
  }

  lose(source: string, problem: string): void {
    this.listener.onConfigUnreachable(source, problem);
  }
}

function count(counts: Map<string, number>, source: string): void {
  if (counts.has(source) || counts.size < MAX_SOURCES) counts.set(source, (counts.get(source) ?? 0) + 1);
}
