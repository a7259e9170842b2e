import type { Port } from './shutdown.ts';

export interface LeavingPort extends Port {
  readonly tunnelBytes: number;
}

/**
 * Ports that were given up, by a reload mostly, with connections still open on them. They accept no more and are
 * nobody's business while the program runs; but the stop waits for what is open, counts it and ends it, wherever it is.
 *
 * Only ports with an open connection are kept, so there are no more of them than there may be connections.
 */
export class LeavingPorts {
  private ports: readonly LeavingPort[] = [];

  take(port: LeavingPort): void {
    port.drain();
    this.ports = [...this.all, port];
  }

  get all(): readonly LeavingPort[] {
    return this.ports.filter(({ openCount }) => openCount > 0);
  }
}
