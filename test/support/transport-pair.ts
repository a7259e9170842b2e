import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { FailureCode } from '../../src/base/failure.ts';
import type { DialHandler, Sockets } from '../../src/net/sockets.ts';
import type { Transport } from '../../src/net/transport.ts';

/** Writes down what a transport tells it, and lets a test wait for it. */
export class RecordingHandler implements DialHandler {
  /** `connect`, `bytes`, `end`, `drain`, `close null`, ..: `bytes` only once in a row. */
  readonly log: string[] = [];
  readonly received: Buffer[] = [];
  receivedBytes = 0;
  /** Replaced by tests that act on bytes. They are lent, so what is kept is a copy. */
  react: (bytes: Buffer) => void = () => undefined;
  /** Set by a test around a call, to catch events inside it. */
  forbidden = false;
  private waiters: { readonly isDone: () => boolean; readonly resolve: () => void }[] = [];

  onConnect(): void {
    this.note('connect');
  }

  onBytes(bytes: Buffer): void {
    this.received.push(Buffer.from(bytes));
    this.receivedBytes += bytes.length;
    if (this.log.at(-1) === 'bytes') this.log.pop();
    this.note('bytes');
    this.react(bytes);
  }

  onEnd(): void {
    this.note('end');
  }

  onDrain(): void {
    this.note('drain');
  }

  onClose(code: FailureCode | null): void {
    this.note(`close ${code}`);
  }

  get text(): string {
    return Buffer.concat(this.received).toString('latin1');
  }

  has(line: string): boolean {
    return this.log.includes(line);
  }

  /** Resolves when the condition holds after some event. */
  until(isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ isDone, resolve }));
  }

  untilText(text: string): Promise<void> {
    return this.until(() => this.text === text);
  }

  untilLogged(line: string): Promise<void> {
    return this.until(() => this.has(line));
  }

  private note(line: string): void {
    this.log.push(this.forbidden ? `INSIDE ${line}` : line);
    for (const waiter of this.waiters) if (waiter.isDone()) waiter.resolve();
    this.waiters = this.waiters.filter((waiter) => !waiter.isDone());
  }
}

/** A transport under test, and the plain socket at its other end. */
export interface Pair {
  readonly transport: Transport;
  readonly handler: RecordingHandler;
  readonly peer: Socket;
  close(): void;
}

export type Side = 'accepted' | 'dialed';

export async function makePair(sockets: Sockets, side: Side): Promise<Pair> {
  return side === 'accepted' ? acceptedPair(sockets) : dialedPair(sockets);
}

async function acceptedPair(sockets: Sockets): Promise<Pair> {
  const handler = new RecordingHandler();
  let accepted: (transport: Transport) => void = () => undefined;
  const arrival = new Promise<Transport>((resolve) => {
    accepted = resolve;
  });
  const server = await sockets.listen('127.0.0.1', 0, {
    onAccept(transport) {
      accepted(transport);
      return handler;
    },
    onReleased: () => undefined,
    onAcceptError: () => undefined,
  });
  const peer = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const transport = await arrival;
  return pairOf(transport, handler, peer, () => server.close());
}

async function dialedPair(sockets: Sockets): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const handler = new RecordingHandler();
  const arrival = once(server, 'connection') as Promise<[Socket]>;
  const transport = sockets.dial('127.0.0.1', (server.address() as AddressInfo).port, handler);
  const [peer] = await arrival;
  await handler.untilLogged('connect');
  handler.log.length = 0;
  return pairOf(transport, handler, peer, () => server.close());
}

function pairOf(transport: Transport, handler: RecordingHandler, peer: Socket, closeServer: () => void): Pair {
  // Resets are part of the tests; those that matter are awaited by name.
  peer.on('error', () => undefined);
  return {
    transport,
    handler,
    peer,
    close() {
      transport.destroy(true);
      peer.destroy();
      closeServer();
    },
  };
}

/** Reads from a plain socket until it has this many bytes. */
export async function readBytes(socket: Socket, count: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  while (length < count) {
    const piece = socket.read() as Buffer | null;
    if (piece === null) await once(socket, 'readable');
    else {
      pieces.push(piece);
      length += piece.length;
    }
  }
  return Buffer.concat(pieces);
}

/** Bytes that differ at every offset of a slab, so that a piece in the wrong place shows. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
