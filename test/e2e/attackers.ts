import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The same numbers for the same seed (mulberry32). */
export class Dice {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  bytes(most: number): Buffer {
    const bytes = Buffer.alloc(1 + this.below(most));
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

/** Clients that are up to no good, and are counted when they are thrown out. */
export class Crowd {
  private constructor(private readonly sockets: readonly Socket[]) {}

  static async gather(port: number, count: number): Promise<Crowd> {
    return new Crowd(await Promise.all(Array.from({ length: count }, () => open(port))));
  }

  each(what: (socket: Socket, index: number) => void): void {
    this.sockets.forEach(what);
  }

  get thrownOut(): number {
    return this.sockets.filter(({ readyState }) => readyState !== 'open').length;
  }

  leave(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }
}

/** A connection that minds nothing. */
export async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** What begins as something sensible goes on to be nonsense. */
const BEGINNINGS = [
  '',
  'GET / HTTP/1.1\r\nHost: orders\r\n',
  'POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 100\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01',
];

/** One after the other says something random and ends or resets. */
export async function babble(port: number, count: number, dice: Dice): Promise<void> {
  await inLanes(8, count, async () => {
    const socket = await open(port);
    socket.resume();
    socket.write(dice.of(BEGINNINGS), 'latin1');
    socket.write(dice.bytes(2_000));
    if (dice.below(2) === 0) socket.resetAndDestroy();
    else socket.end();
    await closed(socket, 200);
  });
}

const REQUESTS = [
  'GET /?bytes=100000 HTTP/1.1\r\nHost: orders\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: orders\r\n\r\nGET /?bytes=50000 HTTP/1.1\r\nHost: orders\r\n\r\n',
  `POST /?echo HTTP/1.1\r\nHost: orders\r\nContent-Length: 5000\r\n\r\n${'a'.repeat(5_000)}`,
  `PUT / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n${'5\r\nhello\r\n'.repeat(200)}0\r\n\r\n`,
  'GET /?delay=5 HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n',
  'GET /?status=503 HTTP/1.1\r\nHost: orders\r\n\r\n',
  'POST /?early=403 HTTP/1.1\r\nHost: orders\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
];

/** Requests cut off by a RST anywhere, at once or while they are answered. */
export async function abort(port: number, count: number, dice: Dice): Promise<void> {
  await inLanes(16, count, async () => {
    const socket = await open(port);
    const request = dice.of(REQUESTS);
    socket.write(request.slice(0, 1 + dice.below(request.length)), 'latin1');
    if (dice.below(2) === 0) socket.resume();
    const wait = dice.below(4);
    if (wait === 1) await new Promise(setImmediate);
    else if (wait > 1) await new Promise((resolve) => setTimeout(resolve, dice.below(8)));
    socket.resetAndDestroy();
  });
}

/** An endpoint without manners, for raw sockets. */
export class BadEndpoint {
  readonly sockets = new Set<Socket>();
  received = 0;

  private constructor(private readonly server: Server) {}

  static async start(serve: (socket: Socket, endpoint: BadEndpoint) => void, paused = false): Promise<BadEndpoint> {
    const server = createServer({ pauseOnConnect: paused });
    const endpoint = new BadEndpoint(server);
    server.on('connection', (socket) => {
      endpoint.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => endpoint.sockets.delete(socket));
      socket.on('data', (bytes: Buffer) => (endpoint.received += bytes.length));
      if (paused) socket.pause();
      serve(socket, endpoint);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return endpoint;
  }

  /** Accepts and never reads. */
  static deaf(): Promise<BadEndpoint> {
    return BadEndpoint.start(() => undefined, true);
  }

  /** Answers whatever it is asked without end, as fast as it is taken. */
  static endless(): Promise<BadEndpoint> {
    const piece = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
    return BadEndpoint.start((socket) => {
      const pour = (): void => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        pour();
        socket.on('drain', pour);
      });
    });
  }

  /** Answers with a part of an answer, then with nonsense, a FIN or a RST. */
  static fickle(dice: Dice): Promise<BadEndpoint> {
    const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'5\r\nhello\r\n'.repeat(50)}0\r\n\r\n`;
    return BadEndpoint.start((socket) => {
      socket.on('data', () => {
        const way = dice.below(4);
        if (way === 0) return socket.write(answer);
        socket.write(answer.slice(0, dice.below(answer.length)), 'latin1');
        if (way === 1) socket.resetAndDestroy();
        else if (way === 2) socket.end();
        else socket.end(dice.bytes(200));
        return true;
      });
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Does something so many times, a few at a time. */
export async function inLanes(lanes: number, count: number, what: () => Promise<void>): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await what();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Waits for the other end to close, and does not insist. */
export async function closed(socket: Socket, withinMs: number): Promise<void> {
  if (socket.closed) return;
  const timer = setTimeout(() => socket.destroy(), withinMs);
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(timer);
}
