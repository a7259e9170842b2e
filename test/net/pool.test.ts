import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Upstream } from '../../src/http/conduit.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import type { RequestHead } from '../../src/http/head.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { DataSockets } from '../../src/net/data-sockets.ts';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { Output } from '../../src/net/output.ts';
import { Pool } from '../../src/net/pool.ts';
import type { SocketHost } from '../../src/net/sockets.ts';
import { RecordingResponse } from '../support/recording-response.ts';
import { pattern } from '../support/transport-pair.ts';

const LIMITS = { maxHeadBytes: 16_384, maxFields: 50, maxTargetBytes: 1024 };
const KINDS = [
  ['data', (host: SocketHost) => new DataSockets(host)],
  ['handle', (host: SocketHost) => new HandleSockets(host)],
] as const;

/** A response that can be waited for, and that hashes its body as it comes. */
class Answer extends RecordingResponse {
  readonly hash = createHash('sha256');
  bytes = 0;
  upstream!: Upstream;
  private resolve: () => void = () => undefined;
  readonly done = new Promise<void>((resolve) => {
    this.resolve = resolve;
  });

  constructor(private readonly onReady: (upstream: Upstream) => void) {
    super();
    this.react = (line) => (line.startsWith('end') || line.startsWith('failure')) && this.resolve();
  }

  begin(upstream: Upstream): void {
    this.upstream = upstream;
    if (upstream.isReady) this.onReady(upstream);
  }

  override onConnected(): void {
    this.onReady(this.upstream);
  }

  override onBody(bytes: Buffer): boolean {
    this.hash.update(bytes);
    this.bytes += bytes.length;
    return true;
  }
}

describe.each(KINDS)('a pool of %s transports against node:http', (_, make) => {
  const bugs: unknown[] = [];
  const host: SocketHost = { output: new Output(), onBug: (error) => bugs.push(error) };
  const sockets = make(host);
  let server: Server;
  let serve: (request: IncomingMessage, response: ServerResponse) => void;
  let pool: Pool;

  beforeEach(async () => {
    server = createServer((request, response) => serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const options = {
      host: '127.0.0.1',
      port,
      connectTimeoutMs: 5000,
      idleTimeoutMs: 5000,
      ...DEFAULT_CONNECTIONS,
      maxIdle: 8,
      limits: LIMITS,
    };
    pool = new Pool(
      { sockets, host, clock: new SystemClock(), random: new SeededRandom(1), closed: new Closed() },
      options,
    );
  });

  afterEach(() => {
    pool.retire();
    server.closeAllConnections();
    server.close();
    expect(bugs).toEqual([]);
  });

  it('sends requests one after another over one connection', async () => {
    let served = 0;
    serve = (request, response) => response.end(`${request.url} ${++served}`);
    for (let i = 0; i < 50; i++) {
      const answer = new Answer((upstream) => {
        upstream.sendHead(head('GET /a HTTP/1.1\nhost: orders'), NO_EDITS);
        upstream.sendEnd(null);
      });
      answer.begin(pool.acquire(answer, false));
      await answer.done;
      expect(answer.log.slice(-2)).toEqual(['head 200 length', 'end']);
    }
    expect(served).toBe(50);
    expect([pool.createdCount, pool.openCount, pool.idleCount]).toEqual([1, 1, 1]);
  });

  it('carries 8 MiB there and back at once, under backpressure, unchanged', async () => {
    serve = (request, response) => request.pipe(response);
    const body = pattern(8_388_608);
    let at = 0;
    const send = (upstream: Upstream): void => {
      while (at < body.length) {
        at += 100_000;
        if (!upstream.sendBody(body.subarray(at - 100_000, at))) return;
      }
      upstream.sendEnd(null);
    };
    const answer = new Answer((upstream) => {
      upstream.sendHead(head('POST /a HTTP/1.1\nhost: orders\ntransfer-encoding: chunked'), NO_EDITS);
      send(upstream);
    });
    answer.onUpstreamDrain = () => send(answer.upstream);
    answer.begin(pool.acquire(answer, false));
    await answer.done;
    expect(answer.log).toEqual(['head 200 chunked', 'end']);
    expect(answer.bytes).toBe(body.length);
    expect(answer.hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
    expect(pool.idleCount).toBe(1);
  });

  it('notices that an idle connection was closed', async () => {
    serve = (_request, response) => response.end();
    const answer = new Answer((upstream) => {
      upstream.sendHead(head('GET /a HTTP/1.1\nhost: orders'), NO_EDITS);
      upstream.sendEnd(null);
    });
    answer.begin(pool.acquire(answer, false));
    await answer.done;
    expect(pool.idleCount).toBe(1);
    server.closeAllConnections();
    while (pool.idleCount > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(pool.openCount).toBe(0);
  });

  it('reports an endpoint that goes away instead of answering', async () => {
    serve = (request) => request.socket.resetAndDestroy();
    const answer = new Answer((upstream) => {
      upstream.sendHead(head('GET /a HTTP/1.1\nhost: orders'), NO_EDITS);
      upstream.sendEnd(null);
    });
    answer.begin(pool.acquire(answer, false));
    await answer.done;
    expect(answer.log).toEqual(['failure upstream_reset']);
    expect(pool.openCount).toBe(0);
  });
});

function head(text: string): RequestHead {
  const parser = new RequestParser(LIMITS, 'http');
  parser.parse(Buffer.from(`${text.replaceAll('\n', '\r\n')}\r\n\r\n`, 'latin1'), 0);
  return parser.head;
}
