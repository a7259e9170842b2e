import { readFileSync } from 'node:fs';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';

/** Descriptors that are no connection: listeners, logs, admin, Consul, the collector. */
const RESERVED = 32;

/**
 * How many clients may be connected at once, all listeners together.
 *
 * Every client that is served needs a second descriptor towards an endpoint. Clients that could take them all would
 * leave none to serve anybody with, and worse, none for those who were there first; so they get half, and those beyond
 * are turned away at the door.
 */
export class ConnectionRoom {
  private open = 0;

  private constructor(
    /** What all listeners may have as configured. */
    readonly wanted: number,
    readonly most: number,
    /** It is so little that one busy listener would feel it; all of them are never full at once. */
    readonly isShort: boolean,
  ) {}

  /** `openFiles`: how many descriptors the process may have. */
  static within(openFiles: number, listeners: number, maxConnections: number): ConnectionRoom {
    const half = Math.max(1, Math.floor((openFiles - RESERVED) / 2));
    return new ConnectionRoom(listeners * maxConnections, half, listeners > 0 && half < maxConnections / 2);
  }

  /** What would make room, for an operator. */
  static advice(room: ConnectionRoom, maxConnections: number): string {
    const files = 2 * maxConnections + RESERVED;
    return (
      `let the process open ${files} files (ulimit -n ${files}, or LimitNOFILE=${files} under systemd), ` +
      `or lower http.maxConnections to ${room.most}`
    );
  }

  /** A connection opened (+1) or closed (-1). */
  count(change: 1 | -1): void {
    this.open += change;
  }

  /** How much of the room is taken. */
  get share(): number {
    return this.open / this.most;
  }

  get isExceeded(): boolean {
    return this.open > this.most;
  }
}

/** The room that this process has under its configuration at the start; says so when it is less than was asked for. */
export function makeRoom({ upstreams, inbound, outbound, http }: Config, log: Log): ConnectionRoom {
  const ports = [inbound, outbound, ...[...upstreams.values()].map(({ listen }) => listen)].filter(
    (port) => port !== null,
  );
  const openFiles = openFilesLimit();
  const room = ConnectionRoom.within(openFiles, ports.length, http.maxConnections);
  const { isShort, wanted, most } = room;
  if (isShort) {
    const advice = ConnectionRoom.advice(room, http.maxConnections);
    log.warn('too_few_descriptors', { openFiles, wantedConnections: wanted, maxConnections: most, advice });
  }
  return room;
}

/**
 * The soft limit on open files; infinite where the system does not tell. Node has raised it to the hard one when it
 * started.
 */
export function openFilesLimit(path = '/proc/self/limits'): number {
  let limits: string;
  try {
    limits = readFileSync(path, 'latin1');
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(limits);
  return soft === null ? Number.POSITIVE_INFINITY : Number(soft[1]);
}
