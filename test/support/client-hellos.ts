import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import { eventually } from './eventually.ts';

/** The first message of Node's own TLS client, as it goes out. */
export async function realClientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  let said = Buffer.alloc(0);
  const socket = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _, done) => {
      said = Buffer.concat([said, bytes]);
      done();
    },
  });
  const tls = connect({ ...options, socket });
  tls.on('error', () => undefined);
  await eventually(() => said.length > 0);
  tls.destroy();
  return said;
}

/** What can be said of a hello that is made by hand. */
export interface HelloParts {
  readonly sessionId?: string;
  readonly suites?: Buffer;
  readonly methods?: Buffer;
  /** Null: it has none. */
  readonly extensions?: readonly Buffer[] | null;
}

/** The body of a ClientHello, without the header of its message. */
export function helloBody({
  sessionId = '',
  suites = Buffer.from([0x13, 0x01]),
  methods = Buffer.from([0]),
  extensions = [],
}: HelloParts = {}): Buffer {
  const rest = extensions === null ? [] : [sized(2, Buffer.concat(extensions))];
  const version = Buffer.from([3, 3]);
  const random = Buffer.alloc(32, 7);
  return Buffer.concat([
    version,
    random,
    sized(1, Buffer.from(sessionId)),
    sized(2, suites),
    sized(1, methods),
    ...rest,
  ]);
}

export function helloMessage(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([1]), sized(3, body)]);
}

/** A message in records of so many bytes. */
export function inRecords(message: Buffer, size = 16_384): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    records.push(Buffer.from([22, 3, 1]), sized(2, message.subarray(at, at + size)));
  }
  return Buffer.concat(records);
}

export function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 255]), sized(2, content)]);
}

/** The extension that names servers. */
export function serverNames(...names: readonly (string | readonly [type: number, name: string])[]): Buffer {
  const entries = names.map((one) => {
    const [type, name] = typeof one === 'string' ? [0, one] : one;
    return Buffer.concat([Buffer.from([type]), sized(2, Buffer.from(name, 'latin1'))]);
  });
  return extension(0, sized(2, Buffer.concat(entries)));
}

/** Some bytes behind their length. */
export function sized(lengthBytes: number, bytes: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(bytes.length, 0, lengthBytes);
  return Buffer.concat([length, bytes]);
}
