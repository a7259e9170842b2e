import { getSystemErrorName } from 'node:util';
import type { FailureCode } from '../base/failure.ts';
import type { ConnectRequest, Native, ShutdownRequest, TcpHandle, WriteRequest } from './native.ts';
import { bytesOf, type ReadSlabs } from './read-slabs.ts';
import { isVolatile, type Slab, slabOf } from './slab.ts';
import { dialFailure } from './socket-error.ts';
import { type ReleaseListener, SocketTransport } from './socket-transport.ts';
import type { DialHandler, SocketHost } from './sockets.ts';

/** What handle-level transports share. */
export interface HandleHost extends SocketHost {
  readonly native: Native;
  readonly slabs: ReadSlabs;
}

const TRANSPORT = Symbol('transport');
type Owned<T> = T & { [TRANSPORT]: HandleTransport };

/**
 * A transport on libuv's own handle, without the stream on top: reads go into memory of ours, writes start from where
 * the bytes lie, and a write that the kernel takes at once leaves no object behind.
 *
 * Callbacks of handle and requests are functions of this module that find their transport on the object they are called
 * on.
 */
export class HandleTransport extends SocketTransport {
  pendingBytes = 0;
  private isReading = false;
  /** Our FIN was asked for; sent; the peer's came. */
  private isEnding = false;
  private isEnded = false;
  private isPeerEnded = false;
  /** A write failed: nothing more is written. */
  private isLost = false;
  /** Null: reads into the shared slab. */
  private slab: Slab | null = null;
  private dialedHost = '';

  constructor(
    private readonly net: HandleHost,
    private readonly handle: TcpHandle,
    lossCode: FailureCode,
    releaseListener: ReleaseListener,
    /** Until it is open; null for an accepted connection. */
    private dialing: DialHandler | null,
  ) {
    super(net, lossCode, releaseListener);
    (handle as Owned<TcpHandle>)[TRANSPORT] = this;
    handle.onread = onRead;
    handle.useUserBuffer(bytesOf(null));
  }

  dial(host: string, port: number): void {
    this.dialedHost = host;
    const request = new this.net.native.TCPConnectWrap() as Owned<ConnectRequest>;
    request[TRANSPORT] = this;
    request.oncomplete = onConnect;
    const status = host.includes(':')
      ? this.handle.connect6(request, host, port)
      : this.handle.connect(request, host, port);
    if (status !== 0) process.nextTick(connected, this, status);
  }

  write(bytes: Buffer): boolean {
    const { output, native } = this.net;
    output.flushFor(this);
    if (this.isGone || this.isLost || this.isEnding) return false;
    if (isVolatile(bytes)) {
      output.writeCopy(this, bytes);
      return this.hasRoom() && !this.isLost;
    }
    const request = takeSpare(native);
    const status = this.handle.writeBuffer(request, bytes);
    if (status !== 0) return this.loseLater(status);
    if (native.state[native.isAsyncAt] === 0) {
      spareRequest = request;
      return true;
    }
    (request as Owned<WriteRequest>)[TRANSPORT] = this;
    request.oncomplete = onWritten;
    request.bytes = bytes;
    slabOf(bytes)?.hold();
    this.pendingBytes = this.handle.writeQueueSize;
    return this.hasRoom();
  }

  /** A write of nothing sends nothing, and fails where one of something would. */
  probe(): void {
    if (!this.isGone && !this.isLost && !this.isEnding && this.pendingBytes === 0) this.writeNothing();
  }

  pause(): void {
    if (!this.isReading) return;
    this.isReading = false;
    this.handle.readStop();
  }

  resume(): void {
    if (this.isReading || this.isGone || this.isPeerEnded) return;
    this.isReading = true;
    this.handle.readStart();
  }

  end(): void {
    this.net.output.flushFor(this);
    if (this.isGone || this.isLost || this.isEnding) return;
    this.isEnding = true;
    const request = new this.net.native.ShutdownWrap() as Owned<ShutdownRequest>;
    request[TRANSPORT] = this;
    request.oncomplete = onShutdown;
    const status = this.handle.shutdown(request);
    if (status !== 0) this.loseLater(status);
  }

  connected(status: number): void {
    const handler = this.dialing;
    if (handler === null || this.isGone) return;
    if (status !== 0) return this.deliverClose(dialFailure(getSystemErrorName(status), this.dialedHost));
    this.dialing = null;
    this.handle.setNoDelay(true);
    const { output } = this.host;
    output.beginTurn();
    try {
      handler.onConnect();
    } catch (error) {
      this.fail(error);
    }
    output.endTurn();
  }

  /** Something was read, or cannot be. Answers the memory of the next read when it is another. */
  read(): Buffer | undefined {
    const { native } = this.net;
    const count = native.state[native.readBytesAt]!;
    // None: the kernel had woken us for nothing.
    if (count > 0) return this.take(count);
    if (count < 0) this.readEnded(count);
    return undefined;
  }

  private take(count: number): Buffer | undefined {
    const slab = this.slab;
    this.deliverBytes(bytesOf(slab).subarray(0, count));
    if (this.isGone) return undefined;
    const next = this.net.slabs.next(slab, count);
    if (next === slab) return undefined;
    this.slab = next;
    return bytesOf(next);
  }

  private readEnded(status: number): void {
    if (status !== this.net.native.eof) return this.deliverClose(this.lossCode);
    this.isReading = false;
    this.isPeerEnded = true;
    this.deliverEnd();
    if (this.isLost) this.deliverClose(this.lossCode);
    else this.closeWhenEnded();
  }

  written(request: WriteRequest, status: number): void {
    slabOf(request.bytes!)?.release();
    request.bytes = null;
    if (this.isGone) return;
    if (status !== 0) return this.writeFailed(status);
    this.pendingBytes = this.handle.writeQueueSize;
    if (this.pendingBytes === 0) this.deliverDrain();
  }

  shutDown(status: number): void {
    if (this.isGone) return;
    if (status !== 0) return this.writeFailed(status);
    this.isEnded = true;
    this.closeWhenEnded();
  }

  /**
   * A peer that closed may have sent something first: a reader comes to its end by itself, and hears of the loss there.
   */
  writeFailed(status: number): void {
    this.isLost = true;
    const name = getSystemErrorName(status);
    if (this.isReading && (name === 'EPIPE' || name === 'ECONNRESET')) return;
    this.deliverClose(this.lossCode);
  }

  protected closeSocket(reset: boolean): void {
    this.isReading = false;
    if (this.slab !== null) this.net.slabs.giveBack(this.slab);
    this.slab = null;
    if (!reset || this.dialing !== null || this.handle.reset() !== 0) this.handle.close();
  }

  private writeNothing(): void {
    const request = takeSpare(this.net.native);
    const status = this.handle.writeBuffer(request, NOTHING);
    if (status !== 0) this.loseLater(status);
    else spareRequest = request;
  }

  private closeWhenEnded(): void {
    if (this.isEnded && this.isPeerEnded) this.deliverClose(null);
  }

  /** The kernel refused a write; the handler hears of it in an event of its own. */
  private loseLater(status: number): false {
    process.nextTick(writeFailed, this, status);
    this.isLost = true;
    return false;
  }
}

/** A write that is taken at once leaves its request as it was, so one serves them all. */
let spareRequest: WriteRequest | null = null;

const NOTHING = Buffer.alloc(0);

function takeSpare(native: Native): WriteRequest {
  const request = spareRequest ?? new native.WriteWrap();
  spareRequest = null;
  return request;
}

function onRead(this: TcpHandle): Buffer | undefined {
  return (this as Owned<TcpHandle>)[TRANSPORT].read();
}

function onConnect(this: ConnectRequest, status: number): void {
  (this as Owned<ConnectRequest>)[TRANSPORT].connected(status);
}

function onWritten(this: WriteRequest, status: number): void {
  (this as Owned<WriteRequest>)[TRANSPORT].written(this, status);
}

function onShutdown(this: ShutdownRequest, status: number): void {
  (this as Owned<ShutdownRequest>)[TRANSPORT].shutDown(status);
}

function connected(transport: HandleTransport, status: number): void {
  transport.connected(status);
}

function writeFailed(transport: HandleTransport, status: number): void {
  transport.writeFailed(status);
}
