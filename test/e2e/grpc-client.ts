import type { EventEmitter } from 'node:events';
import {
  type CallOptions,
  Client,
  type ClientOptions,
  type ClientWritableStream,
  credentials,
  Metadata,
  type StatusObject,
} from '@grpc/grpc-js';
import type { Reply, Wish } from './grpc-app.ts';

/** A call as its caller saw it end. */
export interface Ended {
  readonly id: string;
  readonly kind: Kind;
  readonly code: number;
  readonly details: string;
  readonly replies: readonly Reply[];
  /** Of the answer's head; null when there was none but the end. */
  readonly head: Metadata | null;
  readonly trailers: Metadata;
  readonly tookMs: number;
}

export const KINDS = ['Unary', 'Collect', 'Expand', 'Talk'] as const;
export type Kind = (typeof KINDS)[number];

export interface AskOptions extends CallOptions {
  readonly fields?: Metadata;
  /** Messages of a stream; the first is the wish. */
  readonly messages?: number;
}

/** What all kinds of calls have. */
interface AnyCall extends EventEmitter {
  cancel(): void;
}

const toJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const fromJson = (bytes: Buffer): Reply => JSON.parse(bytes.toString()) as Reply;
const pathOf = (kind: Kind): string => `/remora.test.Echo/${kind}`;

const OPTIONS = {
  // What fails is to be seen: no proxy of the environment, and no attempt of grpc-js's own but for what it must repeat.
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
};

/** The client of `GrpcApp`, on one connection of its own. Calls never reject: how one ended is its answer. */
export class GrpcClient {
  readonly client: Client;

  constructor(port: number, options: ClientOptions = {}) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { ...OPTIONS, ...options });
  }

  /** A whole call. */
  ask(kind: Kind, wish: Wish, options: AskOptions = {}): Promise<Ended> {
    return this.begin(kind, wish, options).ended;
  }

  /** A call whose stream is in the caller's hands; unary ones have none. */
  begin(kind: Kind, wish: Wish, options: AskOptions = {}): { call: AnyCall; ended: Promise<Ended> } {
    const { fields = new Metadata(), messages = 1, ...rest } = options;
    const startedAt = performance.now();
    const replies: Reply[] = [];
    let head: Metadata | null = null;
    const take = (_error: unknown, reply?: Reply): void => {
      if (reply !== undefined) replies.push(reply);
    };
    const call = this.open(kind, wish, fields, rest, take);
    call.on('metadata', (received: Metadata) => {
      head = received;
    });
    call.on('error', () => undefined);
    if (kind === 'Expand' || kind === 'Talk') call.on('data', (reply: Reply) => replies.push(reply));
    const ended = new Promise<Ended>((resolve) => {
      call.on('status', ({ code, details, metadata: trailers }: StatusObject) => {
        // A unary answer is handed over after its status.
        setImmediate(() => {
          const tookMs = performance.now() - startedAt;
          resolve({ id: wish.id, kind, code, details, replies, head, trailers, tookMs });
        });
      });
    });
    if (kind === 'Collect' || kind === 'Talk') {
      const stream = call as unknown as ClientWritableStream<Wish>;
      for (let i = 0; i < messages; i++) stream.write(wish);
      if (messages > 0) stream.end();
    }
    return { call, ended };
  }

  close(): void {
    this.client.close();
  }

  private open(
    kind: Kind,
    wish: Wish,
    fields: Metadata,
    options: CallOptions,
    take: (error: unknown, reply?: Reply) => void,
  ): AnyCall {
    const { client } = this;
    const path = pathOf(kind);
    if (kind === 'Unary') return client.makeUnaryRequest(path, toJson, fromJson, wish, fields, options, take);
    if (kind === 'Collect') return client.makeClientStreamRequest(path, toJson, fromJson, fields, options, take);
    if (kind === 'Expand') return client.makeServerStreamRequest(path, toJson, fromJson, wish, fields, options);
    return client.makeBidiStreamRequest(path, toJson, fromJson, fields, options);
  }
}
