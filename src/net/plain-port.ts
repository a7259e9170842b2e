import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { bound } from './bound.ts';
import { ListenError, type ListenerOptions } from './listener.ts';
import { errorName } from './socket-error.ts';

/**
 * A port whose connections are handed over as Node makes them, for libraries that bring a protocol of their own (gRPC
 * for operators). Not for traffic: that goes through `Listener` and `Transport`.
 */
export class PlainPort {
  private constructor(private readonly server: Server) {}

  /** Rejects with a `ListenError`. A connection that fails ends itself and costs nothing else. */
  static async open(options: ListenerOptions, onConnection: (socket: Socket) => void): Promise<PlainPort> {
    const { name, address, port, maxConnections } = options;
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy()); // without a listener it would end the process
      onConnection(socket);
    });
    server.maxConnections = maxConnections;
    try {
      await bound(server, address, port);
    } catch (error) {
      throw new ListenError(name, address, port, errorName(error));
    }
    return new PlainPort(server);
  }

  get address(): string {
    return (this.server.address() as AddressInfo).address;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Accepts no more; open connections are their owner's to end. */
  close(): void {
    this.server.close();
  }
}
