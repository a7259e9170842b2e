import type { Log } from '../base/log.ts';
import { IGNORED_PLAN, type PlanObserver, type ProxyObserver } from '../proxy/observer.ts';

/** Writes down every bug of the data path with its stack. */
export class BugLog implements ProxyObserver {
  constructor(private readonly log: Log) {}

  follow(): PlanObserver {
    return IGNORED_PLAN;
  }

  onReject(): void {}

  onConnection(): void {}

  onDetected(): void {}

  onBug(error: unknown): void {
    this.log.error('bug', { error: error instanceof Error ? error : new Error(String(error)) });
  }
}
