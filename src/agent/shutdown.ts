import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { sleep } from '../base/sleep.ts';
import type { ShutdownConfig } from '../config/config.ts';

/** The running program, as far as stopping it is concerned. */
export interface Stoppable {
  /** `/ready` says no, and Consul is told that the service is leaving. */
  leave(): Promise<void>;
  /** The port in front of the application, or null. */
  readonly inbound: Port | null;
  /**
   * The ports the application calls through, and those it still does though they were given up. They change while
   * upstreams do.
   */
  outbound(): readonly Port[];
  outboundTraffic(): OutboundTraffic;
  /** Telemetry out, service out of Consul, admin closed. `remainingMs` is all the time there is. */
  finish(remainingMs: number): Promise<void>;
}

/** Is the application still calling others? */
export interface OutboundTraffic {
  /** Rises with every request, every connection and every byte of a tunnel. */
  readonly progress: number;
  /**
   * Requests without their answer. An open tunnel is none: pools keep them open for as long as the application lives.
   */
  readonly inFlight: number;
}

/** Of all upstreams and of all ports, since a tunnel may come by a port that is shared, or given up. */
export function outboundTraffic(
  upstreams: readonly { readonly admissions: number; readonly inFlight: number }[],
  ports: readonly { readonly tunnelBytes: number; readonly tunnelCount: number }[],
): OutboundTraffic {
  let progress = 0;
  let inFlight = 0;
  for (const upstream of upstreams) {
    progress += upstream.admissions;
    inFlight += upstream.inFlight;
  }
  for (const port of ports) {
    progress += port.tunnelBytes;
    // Tunnels are admitted like requests, and are none.
    inFlight -= port.tunnelCount;
  }
  return { progress, inFlight: Math.max(0, inFlight) };
}

export interface Port {
  readonly openCount: number;
  /** How many of them are tunnels, which end when their ends do and are not waited for. */
  readonly tunnelCount: number;
  /** Serves on; every answer asks its client to close the connection. */
  farewell(): void;
  /** Accepts no more. What is idle is closed after a short grace, everything else after its answer. */
  drain(): void;
  /** Ends what still runs. */
  expire(): void;
}

const STEP_MS = 25;
/** The application may still call others while it handles its last requests. */
const OUTBOUND_QUIET_MS = 1_000;
/** Of the whole time, what is kept back for telemetry and Consul; at most half of it. */
const FAREWELL_MS = 5_000;

/**
 * The orderly stop. Peers learn first, and only then is anything refused:
 *
 *     leave -> propagation, inbound serves -> inbound drains -> outbound quiet for 1 s -> outbound drains -> finish
 *                    `-- from its half on, answers say farewell      `-- so do they here
 *
 * A client that follows Consul and does not retry loses nothing, as long as exchanges end in time. What is still
 * running when the time is up is cut, and counted in the log.
 */
export async function shutDown(program: Stoppable, options: ShutdownConfig, clock: Clock, log: Log): Promise<void> {
  const endsAt = clock.now() + options.timeoutMs;
  const trafficEndsAt = endsAt - Math.min(FAREWELL_MS, options.timeoutMs / 2);
  const never = new AbortController().signal;
  const until = async (isOver: () => boolean): Promise<void> => {
    while (!isOver() && clock.now() < trafficEndsAt) await sleep(clock, STEP_MS, never);
  };

  log.info('shutdown_began', { timeoutMs: options.timeoutMs });
  const { inbound } = program;
  await program.leave();
  if (inbound !== null) {
    // From here on, and not from the beginning: a slow Consul must not take the time from those who are to hear of it.
    // Peers that have heard make no new connections to us; those they have kept are asked to end with their next
    // answer.
    const toldAt = clock.now();
    await until(() => clock.now() >= toldAt + options.propagationMs / 2);
    inbound.farewell();
    await until(() => clock.now() >= toldAt + options.propagationMs);
    log.info('shutdown_closes_inbound', { connections: inbound.openCount });
    inbound.drain();
    await until(() => inbound.openCount === 0);
  }
  for (const port of program.outbound()) port.farewell();
  await until(quietFor(OUTBOUND_QUIET_MS, program, clock));
  log.info('shutdown_closes_outbound');
  for (const port of program.outbound()) port.drain();
  await until(() => program.outbound().every((port) => port.openCount === port.tunnelCount));
  // A write that is on its way to a second place has no connection of a client's.
  await until(() => program.outboundTraffic().inFlight === 0);

  const ports = inbound === null ? program.outbound() : [...program.outbound(), inbound];
  const cut = ports.reduce((sum, port) => sum + port.openCount, 0);
  if (cut > 0) log.warn('shutdown_cuts_connections', { connections: cut });
  for (const port of ports) port.expire();
  await program.finish(Math.max(0, endsAt - clock.now()));
  log.info('shutdown_ended');
}

function quietFor(ms: number, program: Stoppable, clock: Clock): () => boolean {
  let seen = -1;
  let quietSince = 0;
  return () => {
    const { progress, inFlight } = program.outboundTraffic();
    if (progress !== seen || inFlight > 0) {
      seen = progress;
      quietSince = clock.now();
    }
    return clock.now() - quietSince >= ms;
  };
}
