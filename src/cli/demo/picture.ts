import type { BreakerView } from '../../admin/agent-view.ts';
import type { Recent } from './tally.ts';

/** All that the demo shows at one moment. Plain data: who draws it knows nothing of processes and sockets. */
export interface Picture {
  readonly elapsedMs: number;
  readonly totalMs: number;
  readonly catalog: string;
  /** What is going on. */
  readonly phase: string;
  readonly recent: Recent;
  readonly sent: number;
  readonly failed: number;
  readonly retried: number;
  readonly trips: number;
  readonly rows: readonly EndpointRow[];
  /** `6.7s  orders-1 is killed`, oldest first. */
  readonly events: readonly string[];
  /** The command that shows more. */
  readonly hint: string;
}

export interface EndpointRow {
  readonly name: string;
  readonly about: string;
  readonly isKilled: boolean;
  /** Null: web's sidecar does not know it (yet, or any more). */
  readonly seen: {
    readonly share: number;
    readonly breaker: BreakerView;
    readonly trips: number;
    readonly latencyMs: number | null;
    readonly health: string;
  } | null;
}

export const NONE = '-';

export function msWords(ms: number | null): string {
  if (ms === null) return NONE;
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Never 100 % when something failed. */
export function percentWords(ratio: number | null): string {
  if (ratio === null) return NONE;
  return `${(Math.floor(ratio * 10_000) / 100).toFixed(2)} %`;
}

export function secondsWords(ms: number): string {
  return `${(ms / 1_000).toFixed(1)}s`;
}

export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
