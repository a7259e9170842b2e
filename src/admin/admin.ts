import type { Clock } from '../base/clock.ts';
import type { AdminConfig } from '../config/config.ts';
import type { AgentView } from './agent-view.ts';
import type { BoundAddress } from './bound-address.ts';
import { GrpcPort } from './grpc-port.ts';
import { AdminHttp } from './http.ts';
import { Pacer } from './pacer.ts';

/** Questions that may wait at once, over both ports. */
const MAX_WAITING = 64;
const MAX_GRPC_CONNECTIONS = 64;

/** The open ports of admin. */
export interface Admin {
  readonly http: BoundAddress;
  /** Null: switched off. */
  readonly grpc: BoundAddress | null;
  close(): Promise<void>;
}

/**
 * Opens what `admin` in the configuration asks for, or nothing at all: when the second port cannot be bound, the first
 * is closed again. Rejects with a `ListenError`.
 */
export async function startAdmin(
  view: AgentView,
  config: AdminConfig,
  clock: Clock,
  onProblem: (error: unknown) => void,
): Promise<Admin> {
  const pacer = new Pacer(clock, MAX_WAITING);
  const http = new AdminHttp(view, config, pacer, onProblem);
  const bound = await http.listen();
  let grpc: GrpcPort | null = null;
  try {
    if (config.grpcPort !== null) {
      const options = { name: 'admin-grpc', address: config.address, port: config.grpcPort };
      const load = async () => (await import('./grpc.ts')).AdminGrpc.load(view, clock, pacer, onProblem);
      grpc = await GrpcPort.open({ ...options, maxConnections: MAX_GRPC_CONNECTIONS }, load, onProblem);
    }
  } catch (error) {
    await http.close();
    throw error;
  }
  return {
    http: { address: bound.address, port: bound.port },
    grpc: grpc === null ? null : grpc.bound,
    close: async () => {
      pacer.close();
      grpc?.close();
      await http.close();
    },
  };
}
