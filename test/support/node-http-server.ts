import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Duplex } from 'node:stream';

/** One request as a parser saw it. */
export interface SeenRequest {
  readonly method: string;
  /** As sent. */
  readonly target: string;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  body: string;
  isComplete: boolean;
  trailers: readonly (readonly [name: string, value: string])[];
}

export interface SeenStream {
  readonly requests: readonly SeenRequest[];
  /** The rest was refused, or ended in the middle. */
  readonly isRefused: boolean;
}

/** What `node:http` makes of a client's bytes, without a socket. */
export class NodeHttpServer {
  private readonly server: Server = createServer({ maxHeaderSize: 65_536, requireHostHeader: false });

  async read(bytes: Buffer): Promise<SeenStream> {
    const requests: SeenRequest[] = [];
    let isRefused = false;
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const onRequest = (message: IncomingMessage): void => {
      requests.push(recorded(message));
    };
    const onRefused = (): void => {
      isRefused = true;
    };
    const { server } = this;
    server.removeAllListeners('request').on('request', onRequest);
    server.removeAllListeners('checkContinue').on('checkContinue', onRequest);
    server.removeAllListeners('checkExpectation').on('checkExpectation', onRefused);
    server.removeAllListeners('clientError').on('clientError', onRefused);
    server.removeAllListeners('connect').on('connect', onRefused);
    server.emit('connection', socket);
    const ended = new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
    socket.push(bytes);
    socket.push(null);
    await ended;
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    return { requests, isRefused };
  }
}

function recorded(message: IncomingMessage): SeenRequest {
  const seen: SeenRequest = {
    method: message.method!,
    target: message.url!,
    fields: pairsOf(message.rawHeaders),
    body: '',
    isComplete: false,
    trailers: [],
  };
  message.on('data', (bytes: Buffer) => {
    seen.body += bytes.toString('latin1');
  });
  message.on('end', () => {
    seen.isComplete = message.complete;
    seen.trailers = pairsOf(message.rawTrailers);
  });
  message.on('error', () => undefined);
  return seen;
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  return pairs;
}
