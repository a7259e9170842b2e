import type { Duplex } from 'node:stream';
import type { ListenerOptions } from '../net/listener.ts';
import { PlainPort } from '../net/plain-port.ts';
import type { BoundAddress } from './bound-address.ts';
import type { AdminGrpc } from './grpc.ts';

/**
 * The gRPC port, before anybody has used it. The library takes 9 MiB, an eighth of an idle sidecar, and most sidecars
 * are never asked: so the port is bound at once, and gRPC is loaded when the first connection comes.
 */
export class GrpcPort {
  private service: Promise<AdminGrpc> | null = null;
  private readonly open = new Set<Duplex>();
  private port!: PlainPort;

  private constructor(
    private readonly load: () => Promise<AdminGrpc>,
    private readonly onProblem: (error: unknown) => void,
  ) {}

  /** Rejects with a `ListenError`. */
  static async open(
    options: ListenerOptions,
    load: () => Promise<AdminGrpc>,
    onProblem: (error: unknown) => void,
  ): Promise<GrpcPort> {
    const grpc = new GrpcPort(load, onProblem);
    grpc.port = await PlainPort.open(options, (socket) => grpc.onConnection(socket));
    return grpc;
  }

  get bound(): BoundAddress {
    return { address: this.port.address, port: this.port.port };
  }

  close(): void {
    this.port.close();
    for (const socket of this.open) socket.destroy();
    this.service?.then((service) => service.close(), this.onProblem);
  }

  private onConnection(socket: Duplex): void {
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket));
    this.service ??= this.load();
    this.service.then(
      (service) => service.accept(socket),
      (error) => {
        this.onProblem(error);
        socket.destroy();
      },
    );
  }
}
