import type { FailureCode } from '../../src/base/failure.ts';
import type { Client, RequestHandler } from '../../src/http/conduit.ts';
import { Edits, NO_EDITS } from '../../src/http/edits.ts';
import type { Fields } from '../../src/http/fields.ts';
import type { RequestHead, ResponseHead } from '../../src/http/head.ts';
import { ResponseParser } from '../../src/http1/response-parser.ts';
import { ClientConnection } from '../../src/net/client-connection.ts';
import type { ClientLimits } from '../../src/net/client-context.ts';
import { Output } from '../../src/net/output.ts';
import { NO_RELEASE, SocketTransport } from '../../src/net/socket-transport.ts';
import { ManualClock } from './manual-clock.ts';

const LIMITS = { maxHeadBytes: 4_096, maxFields: 32, maxTargetBytes: 512, headTimeoutMs: 10_000, clientIdleMs: 60_000 };
const PEER = { address: '127.0.0.1', port: 5000, listener: 'orders', scheme: 'http', identity: null };

/** A socket that is a list of writes. Events reach the connection as from a real one, each a turn of its own. */
export class ScriptTransport extends SocketTransport {
  readonly writes: Buffer[] = [];
  /** Every call that is not a write, in order with them. */
  readonly log: string[] = [];
  /** Bytes that the kernel will not take yet. */
  pendingBytes = 0;
  /** From now on the kernel takes nothing. */
  isStuck = false;
  isPaused = true;
  probeCount = 0;

  write(bytes: Buffer): boolean {
    this.host.output.flushFor(this);
    this.writes.push(Buffer.from(bytes));
    if (this.isStuck) this.pendingBytes += bytes.length;
    return this.hasRoom();
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
    this.host.output.flushFor(this);
    if (!this.log.includes('end')) this.log.push('end');
  }

  /** One read. The memory is spoiled afterwards, as a reader's is. */
  receive(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.deliverBytes(bytes);
    bytes.fill('!');
  }

  fin(): void {
    this.deliverEnd();
  }

  lost(): void {
    this.deliverClose('client_gone');
  }

  drained(): void {
    this.isStuck = false;
    this.pendingBytes = 0;
    this.deliverDrain();
  }

  /** What was written since the last call, as text. */
  take(): string {
    return Buffer.concat(this.writes.splice(0)).toString('latin1');
  }

  protected closeSocket(reset: boolean): void {
    this.log.push(reset ? 'reset' : 'destroy');
  }
}

/** One client connection with a socket and an exchange that a test plays by hand. */
export class ClientScript implements RequestHandler {
  readonly clock = new ManualClock();
  readonly output = new Output();
  readonly bugs: unknown[] = [];
  readonly transport: ScriptTransport;
  readonly connection: ClientConnection;
  /** What the handler was told, one line a call. */
  readonly seen: string[] = [];
  client!: Client;
  closed = 0;
  /** How often a handler was made. */
  opened = 0;
  /** What the handler answers to body bytes. */
  takesBody = true;
  /** Runs inside `onRequest`. */
  onOpen: (head: RequestHead) => void = () => undefined;

  constructor(limits: Partial<ClientLimits> = {}) {
    const host = { output: this.output, onBug: (error: unknown) => this.bugs.push(error) };
    this.transport = new ScriptTransport(host, 'client_gone', NO_RELEASE);
    this.connection = new ClientConnection(this.transport, PEER, {
      host,
      acceptor: {
        open: (client) => {
          this.opened++;
          this.client = client;
          return this;
        },
      },
      clock: this.clock,
      limits: { ...LIMITS, ...limits },
      owner: { onClosed: () => this.closed++ },
    });
    this.transport.handler = this.connection;
  }

  // --- RequestHandler ---

  onRequest(head: RequestHead): void {
    this.seen.push(`${head.method} ${head.path}`);
    this.onOpen(head);
  }

  onRequestBody(bytes: Buffer): boolean {
    this.seen.push(`body ${bytes.toString('latin1')}`);
    return this.takesBody;
  }

  onRequestEnd(trailers: Fields | null): void {
    this.seen.push(trailers === null ? 'end' : `end ${trailers.get('x-t')}`);
  }

  onClientDrain(): void {
    this.seen.push('drain');
  }

  onClientGone(code: FailureCode): void {
    this.seen.push(`gone ${code}`);
  }

  // --- The exchange's side ---

  /** Lines seen since the last call. */
  take(): string[] {
    return this.seen.splice(0);
  }

  /** Runs as an event of another connection would: what it writes leaves when it is over. */
  turn(run: () => void): void {
    this.output.beginTurn();
    run();
    this.output.endTurn();
  }

  /** A whole answer in one turn. */
  answer(head = ok(2), body = 'ok'): void {
    this.turn(() => {
      this.client.sendHead(head, NO_EDITS);
      if (body !== '') this.client.sendBody(Buffer.from(body));
      this.client.sendEnd(null);
      this.client.finish(true);
    });
  }
}

/** The head of an answer that was parsed from these lines. */
export function headOf(lines: readonly string[], upgrade: string | null = null, method = 'GET'): ResponseHead {
  const parser = new ResponseParser(LIMITS);
  parser.begin(method, upgrade);
  if (parser.parse(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), 0) <= 0) throw new Error('not an answer');
  return parser.head;
}

export function ok(length: number): ResponseHead {
  return headOf(['HTTP/1.1 200 OK', `Content-Length: ${length}`]);
}

export function closing(): Edits {
  const edits = new Edits();
  edits.closes = true;
  return edits;
}
