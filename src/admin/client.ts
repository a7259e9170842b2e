import { Client, status as codes, credentials, type ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../base/clock.ts';
import type { BoundedCluster } from './bounds.ts';
import { decodeClusters, decodeStatus } from './messages.ts';
import type { StatusReport } from './report.ts';
import { ADMIN_SERVICE, loadServices, type Message, type Methods } from './wire.ts';

/** Straight to the address: no proxy from the environment, no retry, no configuration by DNS. */
const DIRECT = {
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
};

export interface SidecarReport {
  readonly status: StatusReport;
  readonly clusters: readonly BoundedCluster[];
}

/** Why a sidecar could not be asked, in words for the person who did. */
export class AdminUnreachable extends Error {
  override readonly name = 'AdminUnreachable';
}

/** Asks a running sidecar, by its gRPC port, for everything it tells. Rejects with `AdminUnreachable`. */
export async function askSidecar(address: string, clock: Clock, timeoutMs: number): Promise<SidecarReport> {
  const methods = (await loadServices()).get(ADMIN_SERVICE)!;
  const client = new Client(address, credentials.createInsecure(), DIRECT);
  const deadline = clock.wallMs() + timeoutMs;
  try {
    const [status, clusters] = await Promise.all([
      call(client, methods, 'Status', deadline),
      call(client, methods, 'Clusters', deadline),
    ]);
    return { status: decodeStatus(status), clusters: decodeClusters(clusters) };
  } catch (error) {
    throw new AdminUnreachable(explain(error as ServiceError, address, timeoutMs), { cause: error });
  } finally {
    client.close();
  }
}

function call(client: Client, methods: Methods, name: string, deadline: number): Promise<Message> {
  const { path, requestSerialize, responseDeserialize } = methods[name]!;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, { deadline }, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });
}

function explain({ code, details, message }: ServiceError, address: string, timeoutMs: number): string {
  switch (code) {
    case codes.UNAVAILABLE:
      // What an HTTP/1.1 port answers is no HTTP/2 to whoever asks in gRPC.
      if (/Protocol error|frame|preface/i.test(details)) {
        return `what listens at ${address} does not speak gRPC; it may be an HTTP port, of a sidecar or of something else`;
      }
      return `no sidecar answers at ${address} (${systemError(details)})`;
    case codes.DEADLINE_EXCEEDED:
      return `nothing answered at ${address} within ${timeoutMs} ms`;
    case codes.UNIMPLEMENTED:
      return `what listens at ${address} speaks gRPC but is not remora`;
    default:
      return `asking the sidecar at ${address} failed: ${details ?? message}`;
  }
}

/** gRPC wraps the one thing that tells, the system's error, into sentences about itself. */
function systemError(details: string): string {
  const code = /\b(E[A-Z]{3,})\b/.exec(details)?.[1];
  return code === undefined ? details : (MEANINGS[code] ?? code);
}

const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'the machine cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ENOTFOUND: 'there is no such host',
};
