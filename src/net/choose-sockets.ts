import { type Clock, Timer } from '../base/clock.ts';
import type { FailureCode } from '../base/failure.ts';
import { DataSockets } from './data-sockets.ts';
import { HandleSockets } from './handle-sockets.ts';
import { Output } from './output.ts';
import type { DialHandler, SocketHost, SocketKind, Sockets } from './sockets.ts';
import type { Transport, TransportHandler } from './transport.ts';

/** `auto`: handles when their self-test passes, else Node's public streams. */
export type SocketChoice = 'auto' | SocketKind;

/** Loopback takes some ten ms; the rest is for a machine that is starting everything at once. */
const SELF_TEST_MS = 5_000;

/** Of a length that no buffer has, so that every piece of it comes at another place. */
const PATTERN_BYTES = 300_007;

/** Together more than the buffers on the way hold, so that writes stay pending and drain. */
const PATTERNS = 28;

/**
 * Chooses how sockets are made, once, at start. What the handles rest on is not public, so it is tried before it is
 * trusted: bytes there and back over loopback, and a FIN each way.
 */
export async function chooseSockets(choice: SocketChoice, host: SocketHost, clock: Clock): Promise<Sockets> {
  if (choice === 'data') return new DataSockets(host);
  const problem = await handleProblem(clock);
  if (problem === null) return new HandleSockets(host);
  if (choice === 'auto') return new DataSockets(host);
  throw new Error(`the handle-level transport does not work on Node ${process.version}: ${problem}`);
}

/** Why handles cannot be used on this Node; null when they can. */
async function handleProblem(clock: Clock): Promise<string | null> {
  try {
    return await new SelfTest(clock).run((host) => new HandleSockets(host));
  } catch (error) {
    return String(error);
  }
}

/** Dials itself, sends a pattern to an echo, and compares what comes back. */
export class SelfTest implements DialHandler {
  private readonly pattern = Buffer.alloc(PATTERN_BYTES);
  private readonly transports: Transport[] = [];
  private sent = 0;
  private received = 0;
  private dialed!: Transport;
  private settle: (problem: string | null) => void = () => undefined;

  constructor(private readonly clock: Clock) {
    for (let i = 0; i < PATTERN_BYTES; i++) this.pattern[i] = Math.imul(i, 2654435761) >>> 24;
  }

  /** What is wrong, or null. */
  async run(make: (host: SocketHost) => Sockets): Promise<string | null> {
    const sockets = make({ output: new Output(), onBug: (error) => this.settle(String(error)) });
    const verdict = new Promise<string | null>((resolve) => {
      this.settle = resolve;
    });
    const timer = new Timer({ onTimer: () => this.settle('no end in time') });
    const server = await sockets.listen('127.0.0.1', 0, {
      onAccept: (transport) => this.echo(transport),
      onReleased: () => undefined,
      onAcceptError: (name) => this.settle(name),
    });
    this.clock.arm(timer, this.clock.now() + SELF_TEST_MS);
    this.dialed = sockets.dial('127.0.0.1', server.port, this);
    this.transports.push(this.dialed);
    const problem = await verdict;
    this.clock.disarm(timer);
    for (const transport of this.transports) transport.destroy(true);
    server.close();
    return problem;
  }

  onConnect(): void {
    this.dialed.resume();
    this.send();
  }

  onBytes(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const from = this.received % PATTERN_BYTES;
      const length = Math.min(bytes.length - at, PATTERN_BYTES - from);
      const isSame = bytes.subarray(at, at + length).equals(this.pattern.subarray(from, from + length));
      if (!isSame) return this.settle(`bytes differ after ${this.received}`);
      this.received += length;
      at += length;
    }
  }

  onEnd(): void {
    const total = PATTERNS * PATTERN_BYTES;
    if (this.received !== total) this.settle(`${this.received} of ${total} bytes came back`);
  }

  onDrain(): void {
    this.send();
  }

  onClose(code: FailureCode | null): void {
    this.settle(code);
  }

  private send(): void {
    while (this.sent < PATTERNS) {
      this.sent++;
      if (!this.dialed.write(this.pattern)) return;
    }
    this.dialed.end();
  }

  private echo(transport: Transport): TransportHandler {
    this.transports.push(transport);
    transport.resume();
    return {
      onBytes: (bytes) => {
        if (!transport.write(bytes)) transport.pause();
      },
      onEnd: () => transport.end(),
      onDrain: () => transport.resume(),
      onClose: () => undefined,
    };
  }
}
