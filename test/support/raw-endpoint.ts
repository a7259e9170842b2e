import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type ByteStep, perform } from './byte-script.ts';
import { Happenings } from './happenings.ts';
import { type Judgement, judgeRequests, type WireMessage } from './wire-judge.ts';

/** How an endpoint answers a request: at once when its head is there, or when all of it is. */
export interface Play {
  readonly at: 'head' | 'end';
  readonly steps: readonly ByteStep[];
  /** It ends its direction behind the last step. */
  readonly closes: boolean;
}

/** One connection to a `RawEndpoint`: what it heard, and what it has answered. */
export class HeardConnection {
  text = '';
  answered = 0;
  /** Its other end has closed it. */
  isLeft = false;
  judged: Judgement = { messages: [], faults: [], rest: '' };

  constructor(readonly socket: Socket) {}

  get requests(): readonly WireMessage[] {
    return this.judged.messages;
  }
}

/**
 * An endpoint that records every byte, judges it, and answers each whole request with 200 and a body that names it:
 * `GET /a`. A request for which there is a play gets that instead.
 */
export class RawEndpoint {
  connections: HeardConnection[] = [];
  /** Where the last play was given, and how many there were since `play`. */
  played: HeardConnection | null = null;
  playedCount = 0;
  private target = '';
  private script: Play | null = null;
  private readonly happenings = new Happenings();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<RawEndpoint> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const endpoint = new RawEndpoint(server);
    server.on('connection', (socket) => endpoint.hear(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Requests heard whole, all connections, in no order between them. */
  get complete(): readonly WireMessage[] {
    return this.connections.flatMap(({ requests }) => requests).filter(({ isComplete }) => isComplete);
  }

  get faults(): readonly string[] {
    return this.connections.flatMap(({ judged }) => judged.faults);
  }

  /** Forgets what was heard on connections that are closed, and of others what was answered. */
  forget(): void {
    this.connections = this.connections.filter(({ socket }) => !socket.destroyed);
    for (const connection of this.connections) {
      const { text, requests, answered } = connection;
      if (requests.length > answered) continue;
      connection.text = text.slice(text.length - connection.judged.rest.length);
      connection.judged = { messages: [], faults: [], rest: connection.text };
      connection.answered = 0;
    }
  }

  /** Requests to this target are answered so from now on; null: as all others. */
  play(target: string, play: Play | null): void {
    this.target = target;
    this.script = play;
    this.played = null;
    this.playedCount = 0;
  }

  /** The connection on which this was heard. */
  hearer(start: string): HeardConnection | undefined {
    return this.connections.find(({ requests }) => requests.some((request) => request.start.startsWith(`${start} `)));
  }

  until(look: () => boolean): Promise<void> {
    return this.happenings.until(look, () => JSON.stringify(this.connections.map(({ text }) => text)).slice(0, 2_000));
  }

  async stop(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private hear(socket: Socket): void {
    const connection = new HeardConnection(socket);
    this.connections.push(connection);
    const leave = (): void => {
      connection.isLeft = true;
      socket.end();
      this.happenings.happened();
    };
    socket.on('error', leave).on('end', leave).on('close', leave);
    socket.on('data', (bytes) => {
      connection.text += bytes.toString('latin1');
      connection.judged = judgeRequests(connection.text);
      this.answer(connection);
      this.happenings.happened();
    });
  }

  private answer(connection: HeardConnection): void {
    const { requests, socket } = connection;
    while (connection.answered < requests.length) {
      const { start, isComplete } = requests[connection.answered]!;
      const [method, target = ''] = start.split(' ');
      const play = target === this.target ? this.script : null;
      if (!isComplete && play?.at !== 'head') return;
      connection.answered++;
      if (play !== null) {
        this.played = connection;
        this.playedCount++;
        const steps = play.closes ? [...play.steps, 'fin' as const] : play.steps;
        void perform(socket, steps);
      } else {
        const body = `${method} ${target}`;
        const said = method === 'HEAD' ? '' : body;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${said}`);
      }
    }
  }
}
