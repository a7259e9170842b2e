import { type IncomingMessage, request } from 'node:http';
import { Duplex } from 'node:stream';

/** One answer as a parser saw it. */
export interface SeenAnswer {
  /** Statuses of the interim answers before it. */
  readonly interims: readonly number[];
  readonly status: number;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  body: string;
  isComplete: boolean;
  trailers: readonly (readonly [name: string, value: string])[];
}

/** What `node:http` makes of an endpoint's bytes and its FIN, without a socket; null when it sees no final head. */
export async function readByNode(method: string, bytes: Buffer): Promise<SeenAnswer | null> {
  const interims: number[] = [];
  let seen: SeenAnswer | null = null;
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const sent = request({ method, host: 'a.test', createConnection: () => socket, maxHeaderSize: 65_536 });
  sent.on('information', ({ statusCode }) => interims.push(statusCode));
  sent.on('response', (message) => {
    seen = recorded(interims, message);
  });
  sent.on('error', () => undefined);
  const closed = new Promise((resolve) => sent.once('close', resolve));
  sent.end();
  sent.once('finish', () => {
    socket.push(bytes);
    socket.push(null);
  });
  await closed;
  await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  return seen;
}

function recorded(interims: readonly number[], message: IncomingMessage): SeenAnswer {
  const seen: SeenAnswer = {
    interims,
    status: message.statusCode!,
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

/** Names and values in turn, as Node gives them. */
export function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  return pairs;
}
