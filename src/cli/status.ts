import { clustersText, faultsText, isWell, statusText } from '../admin/report.ts';
import { printable } from '../admin/text-table.ts';
import type { Clock } from '../base/clock.ts';

export interface StatusOptions {
  /** `host:port` of the sidecar's gRPC port. */
  readonly address: string;
  readonly json: boolean;
  /**
   * Judge by readiness alone, as `/ready` does: for probes, where a restart would mend neither Consul nor the service.
   */
  readonly readyOnly: boolean;
  readonly timeoutMs: number;
}

/** Where a command writes; a stream of the process fits. */
export interface TextSink {
  write(text: string): unknown;
}

const READY = 0;
const NOT_READY = 1;
const KEPT_AWAY = 2;

/**
 * `remora status`: one look at a running sidecar. The exit code is the verdict: 0 for ready and well, 1 for not ready
 * or not reachable, 2 for ready while Consul does not list the service or the service is down. In JSON an unreachable
 * sidecar is `{ "reachable": false }`.
 */
export async function runStatus(options: StatusOptions, clock: Clock, out: TextSink): Promise<number> {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+):(\d+)$/.exec(options.address)?.[1];
  if (port === undefined) {
    return unreachable(options, out, `"${options.address}" is not host:port, like 127.0.0.1:15010`);
  }
  if (Number(port) < 1 || Number(port) > 65_535) {
    return unreachable(options, out, `"${options.address}" has no port from 1 to 65535`);
  }
  // Loaded here, since gRPC takes longer to load than the other commands take to run.
  const { AdminUnreachable, askSidecar } = await import('../admin/client.ts');
  try {
    const { status, clusters } = await askSidecar(options.address, clock, options.timeoutMs);
    const { identity, readiness, standing, listeners, layers } = status;
    out.write(
      options.json
        ? `${JSON.stringify({ reachable: true, ...identity, ...readiness, ...standing, listeners, layers, clusters }, null, 2)}\n`
        : `${faultsText(clusters)}${statusText(status)}\n${clustersText(clusters)}`,
    );
    if (!readiness.isReady) return NOT_READY;
    return options.readyOnly || isWell(standing) ? READY : KEPT_AWAY;
  } catch (error) {
    if (!(error instanceof AdminUnreachable)) throw error;
    return unreachable(options, out, error.message);
  }
}

function unreachable({ json, address }: StatusOptions, out: TextSink, message: string): number {
  out.write(
    json
      ? `${JSON.stringify({ reachable: false, address, message }, null, 2)}\n`
      : printable(`remora: ${message}`) +
          '\nIs one running, and is this the port of its admin.grpcPort? Another one: remora status --admin host:port\n',
  );
  return NOT_READY;
}
