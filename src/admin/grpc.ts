import type { Duplex } from 'node:stream';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { status as codes, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../base/clock.ts';
import type { AgentView } from './agent-view.ts';
import { HealthService } from './health.ts';
import { encodeClusters, encodeStatus } from './messages.ts';
import type { Pacer } from './pacer.ts';
import { ADMIN_SERVICE, HEALTH_SERVICE, loadServices, type Message } from './wire.ts';

/** Requests name a few clusters; answers are bounded by what `bounds.ts` lets through. */
const LIMITS = {
  'grpc.max_receive_message_length': 65_536,
  'grpc.max_concurrent_streams': 64,
  'grpc.max_connection_idle_ms': 300_000,
  'grpc-node.max_session_memory': 4,
};

type UnaryCall = ServerUnaryCall<Message, Message>;

/**
 * The gRPC side of admin. It only reads: there is nothing here that a token would have to guard, and browsers, the
 * reason for the Host check of the HTTP side, do not speak HTTP/2 without TLS.
 */
export class AdminGrpc {
  private readonly connections;

  private constructor(
    private readonly server: Server,
    private readonly health: HealthService,
  ) {
    this.connections = server.createConnectionInjector(ServerCredentials.createInsecure());
  }

  static async load(
    view: AgentView,
    clock: Clock,
    pacer: Pacer,
    onProblem: (error: unknown) => void,
  ): Promise<AdminGrpc> {
    const services = await loadServices();
    const server = new Server(LIMITS);
    const health = new HealthService(view, clock);
    const paced = (encode: (request: Message) => Message) => (call: UnaryCall, reply: sendUnaryData<Message>) => {
      if (pacer.isFull) return reply({ code: codes.RESOURCE_EXHAUSTED, details: 'too many questions at once' });
      pacer
        .run(() => encode(call.request))
        .then(
          (answer) => reply(null, answer),
          (error) => {
            onProblem(error);
            reply({ code: codes.INTERNAL, details: 'a bug in remora; see its log' });
          },
        );
    };
    server.addService(services.get(ADMIN_SERVICE)!, {
      Status: paced(() => encodeStatus(view)),
      Clusters: paced((request) => encodeClusters(view, (request as { names: readonly string[] }).names)),
    });
    server.addService(services.get(HEALTH_SERVICE)!, {
      Check: (call: UnaryCall, reply: sendUnaryData<Message>) => health.check(call, reply),
      List: (call: UnaryCall, reply: sendUnaryData<Message>) => health.list(call, reply),
      Watch: (call: Parameters<HealthService['watch']>[0]) => health.watch(call),
    });
    return new AdminGrpc(server, health);
  }

  accept(socket: Duplex): void {
    this.connections.injectConnection(socket);
  }

  close(): void {
    this.health.close();
    this.server.forceShutdown();
  }
}
