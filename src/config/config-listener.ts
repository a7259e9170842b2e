import type { Problem } from './problems.ts';

/** Told what came of every document, for the log. `source` is what problems call it. */
export interface ConfigListener {
  onConfigApplied(source: string, revision: string): void;
  onConfigRefused(source: string, problems: readonly Problem[]): void;
  /** Nothing is wrong with a document: its source cannot be asked, and what is in force stays. */
  onConfigUnreachable(source: string, problem: string): void;
}
