import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { FailureCode } from '../base/failure.ts';
import { bound } from './bound.ts';
import { LOAN_BYTES, Loan } from './loan.ts';
import { bytesOf, ReadSlabs } from './read-slabs.ts';
import { isVolatile, type Slab, slabOf } from './slab.ts';
import { dialFailure, errorName } from './socket-error.ts';
import { NO_RELEASE, type ReleaseListener, SocketTransport } from './socket-transport.ts';
import type { DialHandler, ServerSocket, SocketAcceptor, SocketHost, Sockets } from './sockets.ts';
import type { Transport } from './transport.ts';

/**
 * Sockets by Node's public streams. The reference for the others: slower (the stream's own state is kept beside ours,
 * and each read of an accepted socket is a `Loan`) and nothing in it can go away with a new Node.
 *
 * Sockets that we open read into memory of ours by `onread`, which is public for them alone. Listeners are functions of
 * this module that find their transport on the socket, attached once.
 */
export class DataSockets implements Sockets {
  readonly kind = 'data';

  private readonly slabs = new ReadSlabs();

  constructor(private readonly host: SocketHost) {}

  dial(host: string, port: number, handler: DialHandler): Transport {
    const reads = new SlabReads(this.slabs);
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true, autoSelectFamily: false, onread: reads });
    const transport = new DataTransport(this.host, socket, 'upstream_reset', NO_RELEASE, handler, reads);
    transport.dialedHost = host;
    reads.transport = transport;
    transport.handler = handler;
    return transport;
  }

  async listen(address: string, port: number, acceptor: SocketAcceptor): Promise<ServerSocket> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    await bound(server, address, port);
    server.on('error', (error) => acceptor.onAcceptError(errorName(error)));
    server.on('connection', (socket) => this.accept(socket, acceptor));
    const { address: boundAddress, port: boundPort } = server.address() as AddressInfo;
    return { address: boundAddress, port: boundPort, close: () => server.listening && server.close() };
  }

  private accept(socket: Socket, acceptor: SocketAcceptor): void {
    const { remoteAddress, remotePort } = socket;
    // No name: the client was gone before it got here.
    if (remoteAddress === undefined || remotePort === undefined) return void socket.destroy();
    const transport = new DataTransport(this.host, socket, 'client_gone', acceptor, null, null);
    const handler = acceptor.onAccept(transport, remoteAddress, remotePort);
    if (handler === null) transport.destroy(true);
    else transport.handler = handler;
  }
}

const TRANSPORT = Symbol('transport');
type OwnedSocket = Socket & { [TRANSPORT]: DataTransport };

const NOTHING = Buffer.alloc(0);

class DataTransport extends SocketTransport {
  dialedHost = '';
  private errorName: string | null = null;
  private readonly held: Slab[] = [];
  private isMarked = false;
  private readonly onMark = (error?: Error | null): void => this.markReached(error ?? null);

  constructor(
    host: SocketHost,
    private readonly socket: Socket,
    lossCode: FailureCode,
    releaseListener: ReleaseListener,
    /** Until it is open; null for an accepted connection. */
    private dialing: DialHandler | null,
    /** Null: by `on('data')`. */
    private readonly reads: SlabReads | null,
  ) {
    super(host, lossCode, releaseListener);
    (socket as OwnedSocket)[TRANSPORT] = this;
    socket.pause();
    if (reads === null) socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
    if (dialing !== null) socket.on('connect', onConnect);
  }

  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  write(bytes: Buffer): boolean {
    const { output } = this.host;
    output.flushFor(this);
    if (this.isGone || !this.socket.writable) return false;
    if (isVolatile(bytes)) {
      output.writeCopy(this, bytes);
      return this.hasRoom();
    }
    this.socket.write(bytes);
    if (this.socket.writableLength === 0) return true;
    this.hold(slabOf(bytes));
    return this.hasRoom();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** A write of nothing sends nothing, and fails where one of something would. */
  probe(): void {
    if (!this.isGone && this.socket.writable && this.socket.writableLength === 0) this.socket.write(NOTHING);
  }

  end(): void {
    this.host.output.flushFor(this);
    if (!this.isGone) this.socket.end();
  }

  connected(): void {
    const handler = this.dialing;
    if (handler === null || this.isGone) return;
    this.dialing = null;
    const { output } = this.host;
    output.beginTurn();
    try {
      handler.onConnect();
    } catch (error) {
      this.fail(error);
    }
    output.endTurn();
  }

  received(bytes: Buffer): void {
    if (this.reads !== null || bytes.length < LOAN_BYTES) return this.deliverBytes(bytes);
    const loan = new Loan(bytes);
    this.deliverBytes(bytes);
    loan.release();
  }

  ended(): void {
    this.deliverEnd();
  }

  failed(error: unknown): void {
    this.errorName = errorName(error);
  }

  closed(): void {
    this.reads?.end();
    this.releaseHeld();
    if (this.errorName === null) this.deliverClose(null);
    else this.deliverClose(this.dialing === null ? this.lossCode : dialFailure(this.errorName, this.dialedHost));
  }

  protected closeSocket(reset: boolean): void {
    // A socket that is still connecting has nothing to reset, and would wait for the connection to do it.
    if (reset && !this.socket.connecting) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /**
   * The stream tells when a write that it called full has drained, and nothing about the others. An empty write behind
   * the pending ones is a mark: its callback comes when all before it are written.
   */
  private hold(slab: Slab | null): void {
    if (slab !== null) {
      slab.hold();
      this.held.push(slab);
    }
    if (!this.isMarked) this.mark();
  }

  private mark(): void {
    this.isMarked = true;
    this.socket.write(NOTHING, this.onMark);
  }

  private markReached(error: Error | null): void {
    this.isMarked = false;
    if (error !== null || this.isGone) return;
    if (this.socket.writableLength > 0) return this.mark();
    this.releaseHeld();
    this.deliverDrain();
  }

  private releaseHeld(): void {
    for (const slab of this.held) slab.release();
    this.held.length = 0;
  }
}

/** The `onread` option of one socket: shared memory, or a slab of its own while its reads fill it. */
class SlabReads {
  transport!: DataTransport;
  private slab: Slab | null = null;
  private lastBytes = 0;

  constructor(private readonly slabs: ReadSlabs) {}

  /** Asked for before the first read and after each. */
  readonly buffer = (): Buffer => {
    this.slab = this.slabs.next(this.slab, this.lastBytes);
    return bytesOf(this.slab);
  };

  readonly callback = (count: number): boolean => {
    this.lastBytes = count;
    this.transport.received(bytesOf(this.slab).subarray(0, count));
    return true;
  };

  end(): void {
    if (this.slab !== null) this.slabs.giveBack(this.slab);
    this.slab = null;
  }
}

function onConnect(this: Socket): void {
  (this as OwnedSocket)[TRANSPORT].connected();
}

function onData(this: Socket, bytes: Buffer): void {
  (this as OwnedSocket)[TRANSPORT].received(bytes);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[TRANSPORT].ended();
}

function onError(this: Socket, error: unknown): void {
  (this as OwnedSocket)[TRANSPORT].failed(error);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[TRANSPORT].closed();
}
