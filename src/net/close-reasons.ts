/** Why connections to endpoints end: the label of `remora_upstream_connections_closed_total`. */
export const CLOSE_REASONS = [
  // We let it go while nothing was on it.
  'idle',
  'age',
  'requests',
  'surplus',
  'retired',
  // The endpoint ended it: while it was idle, or by how it answered.
  'endpoint',
  'ended',
  // With something on it.
  'aborted',
  'failed',
  'drained',
  // It never was one.
  'unopened',
] as const;

export type CloseReason = (typeof CLOSE_REASONS)[number];

/** How many connections of one upstream have ended, and why. */
export class Closed {
  readonly counts: Record<CloseReason, number> = {
    idle: 0,
    age: 0,
    requests: 0,
    surplus: 0,
    retired: 0,
    endpoint: 0,
    ended: 0,
    aborted: 0,
    failed: 0,
    drained: 0,
    unopened: 0,
  };

  add(reason: CloseReason): void {
    this.counts[reason] += 1;
  }
}
