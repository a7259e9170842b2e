import type { FailureCode } from '../../src/base/failure.ts';
import { Output } from '../../src/net/output.ts';
import type { DialHandler, ServerSocket, SocketHost, Sockets } from '../../src/net/sockets.ts';
import type { Transport, TransportHandler } from '../../src/net/transport.ts';

/** A transport without a socket: a test reads what was written to it and plays its peer. */
export class FakeTransport implements Transport {
  handler: TransportHandler;
  pendingBytes = 0;
  isPaused = true;
  isEnded = false;
  probeCount = 0;
  /** How it was destroyed. */
  destroyed: 'reset' | 'fin' | null = null;
  private text = '';

  constructor(
    private readonly output: Output,
    private readonly dialing: DialHandler,
  ) {
    this.handler = dialing;
  }

  write(bytes: Buffer): boolean {
    this.output.flushFor(this);
    if (this.destroyed !== null) return false;
    this.text += bytes.toString('latin1');
    return this.pendingBytes === 0;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  probe(): void {
    this.probeCount++;
  }

  end(): void {
    this.output.flushFor(this);
    this.isEnded = true;
  }

  destroy(reset: boolean): void {
    this.output.discardFor(this);
    this.destroyed ??= reset ? 'reset' : 'fin';
  }

  /** What was written since the last time. */
  take(): string {
    this.output.flush();
    const { text } = this;
    this.text = '';
    return text;
  }

  // --- The peer ---

  connect(): void {
    this.dialing.onConnect();
  }

  /** Sends text as one read. The memory is spoiled afterwards, as a reader's is. */
  say(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.handler.onBytes(bytes);
    bytes.fill('!');
  }

  fin(): void {
    this.handler.onEnd();
  }

  drain(): void {
    this.pendingBytes = 0;
    this.handler.onDrain();
  }

  close(code: FailureCode | null): void {
    this.handler.onClose(code);
  }
}

/** Makes fake transports, and keeps them in order. */
export class FakeSockets implements Sockets {
  readonly kind = 'data';
  readonly dialed: FakeTransport[] = [];
  /** Where to. */
  readonly targets: string[] = [];
  readonly bugs: unknown[] = [];
  readonly host: SocketHost = { output: new Output(), onBug: (error) => void this.bugs.push(error) };

  get last(): FakeTransport {
    return this.dialed.at(-1)!;
  }

  dial(host: string, port: number, handler: DialHandler): Transport {
    this.targets.push(`${host}:${port}`);
    const transport = new FakeTransport(this.host.output, handler);
    this.dialed.push(transport);
    return transport;
  }

  listen(): Promise<ServerSocket> {
    throw new Error('nothing listens here');
  }
}
