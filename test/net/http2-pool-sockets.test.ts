import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Upstream } from '../../src/http/conduit.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import { FieldList } from '../../src/http/fields.ts';
import type { RequestHead } from '../../src/http/head.ts';
import { WindowBudget } from '../../src/http2/receive-window.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { DataSockets } from '../../src/net/data-sockets.ts';
import { HandleSockets } from '../../src/net/handle-sockets.ts';
import { Http2Pool } from '../../src/net/http2-pool.ts';
import { Output } from '../../src/net/output.ts';
import { Wires } from '../../src/net/session-wire.ts';
import type { SocketHost } from '../../src/net/sockets.ts';
import { eventually } from '../support/eventually.ts';
import { http1Request } from '../support/http2-heads.ts';
import { GET, LIMITS, POST } from '../support/http2-upstream.ts';
import { RecordingResponse } from '../support/recording-response.ts';
import { pattern } from '../support/transport-pair.ts';

const KINDS = [
  ['data', (host: SocketHost) => new DataSockets(host)],
  ['handle', (host: SocketHost) => new HandleSockets(host)],
] as const;

const MIB_8 = 8_388_608;

/** A request and its answer, which can be waited for and whose body is hashed as it comes. */
class Request extends RecordingResponse {
  readonly hash = createHash('sha256');
  bytes = 0;
  upstream!: Upstream;
  private resolve: () => void = () => undefined;
  readonly done = new Promise<void>((resolve) => {
    this.resolve = resolve;
  });
  onRoom: () => void = () => undefined;

  constructor(
    private readonly head: RequestHead,
    private readonly onSent: (upstream: Upstream) => void = (upstream) => upstream.sendEnd(null),
  ) {
    super();
    this.react = (line) => (line.startsWith('end') || line.startsWith('failure')) && this.resolve();
  }

  begin(pool: Http2Pool): this {
    this.upstream = pool.acquire(this, false);
    if (this.upstream.isReady) this.onConnected();
    return this;
  }

  override onConnected(): void {
    this.upstream.sendHead(this.head, NO_EDITS);
    this.onSent(this.upstream);
  }

  override onBody(bytes: Buffer): boolean {
    this.hash.update(bytes);
    this.bytes += bytes.length;
    return true;
  }

  override onUpstreamDrain(): void {
    this.onRoom();
  }
}

describe.each(KINDS)('a pool of %s transports against node:http2', (_, make) => {
  const bugs: unknown[] = [];
  const host: SocketHost = { output: new Output(), onBug: (error) => bugs.push(error) };
  let server: Http2Server;
  let serve: (stream: ServerHttp2Stream, method: string) => void;
  let pool: Http2Pool;
  const sessions = new Set<ServerHttp2Session>();

  async function start(maxConcurrentStreams: number): Promise<void> {
    server = createServer({ settings: { maxConcurrentStreams } });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      serve(stream, String(headers[':method']));
    });
    server.on('session', (session) => {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
      session.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    pool = new Http2Pool(
      { sockets: make(host), host, clock: new SystemClock(), random: new SeededRandom(1), closed: new Closed() },
      {
        host: '127.0.0.1',
        port,
        connectTimeoutMs: 5_000,
        idleTimeoutMs: 5_000,
        ...DEFAULT_CONNECTIONS,
        maxIdle: 8,
        limits: { maxHeadBytes: 65_536, maxFields: 128, maxTargetBytes: 8_192 },
      },
      { wires: new Wires(), budget: new WindowBudget(67_108_864), limits: LIMITS, random: new SeededRandom(1) },
    );
  }

  beforeEach(() => start(100));

  afterEach(() => {
    pool.retire();
    for (const session of sessions) session.destroy();
    server.close();
    expect(bugs).toEqual([]);
  });

  it('sends requests one after another and together over one connection', async () => {
    serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('ok');
    };
    for (let i = 0; i < 30; i++) await new Request(GET()).begin(pool).done;
    const together = Array.from({ length: 50 }, () => new Request(GET()).begin(pool));
    for (const request of together) {
      await request.done;
      expect(request.log).toEqual(['head 200 chunked', 'end']);
      expect(request.bytes).toBe(2);
    }
    expect([pool.createdCount, pool.openCount, pool.idleCount, pool.streamCount]).toEqual([1, 1, 1, 0]);
  });

  it('carries 8 MiB there and back at once, under backpressure, unchanged', async () => {
    serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    };
    const body = pattern(MIB_8);
    let at = 0;
    let refusals = 0;
    const send = (upstream: Upstream): void => {
      while (at < body.length) {
        at += 100_000;
        if (upstream.sendBody(body.subarray(at - 100_000, at))) continue;
        refusals++;
        return;
      }
      upstream.sendEnd(null);
    };
    const request = new Request(POST(), send);
    request.onRoom = () => send(request.upstream);
    await request.begin(pool).done;
    expect(request.log).toEqual(['head 200 chunked', 'end']);
    expect(request.bytes).toBe(body.length);
    expect(request.hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
    expect(refusals).toBeGreaterThan(10);
  });

  it('carries trailers both ways', async () => {
    serve = (stream) => {
      stream.on('trailers', (fields) => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', seen: String(fields['digest']) }));
        stream.end('ok');
      });
      stream.resume();
    };
    const request = new Request(POST(), (upstream) => {
      upstream.sendBody(Buffer.from('abc'));
      upstream.sendEnd(new FieldList().add('digest', '7'));
    });
    await request.begin(pool).done;
    expect(request.log).toEqual(['head 200 chunked', 'end grpc-status=0 seen=7']);
  });

  it('passes interim answers, trailers-only ones, and those to HEAD', async () => {
    serve = (stream, method) => {
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      if (method === 'HEAD') stream.respond({ ':status': 200, 'content-length': '5' }, { endStream: true });
      else stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true });
    };
    const get = new Request(GET()).begin(pool);
    const head = new Request(http1Request('HEAD / HTTP/1.1', 'host: orders')).begin(pool);
    await Promise.all([get.done, head.done]);
    expect(get.log).toEqual(['interim 103', 'head 200 length', 'end']);
    expect(head.log).toEqual(['interim 103', 'head 200 none', 'end']);
  });

  it('obeys a limit of one stream, and none of many requests at once fails', async () => {
    pool.retire();
    server.close();
    await start(1);
    let most = 0;
    const counts = new Map<unknown, number>();
    serve = (stream) => {
      const { session } = stream;
      counts.set(session, (counts.get(session) ?? 0) + 1);
      most = Math.max(most, counts.get(session)!);
      setImmediate(() => {
        counts.set(session, counts.get(session)! - 1);
        stream.respond({ ':status': 204 }, { endStream: true });
      });
    };
    for (let round = 0; round < 3; round++) {
      const requests = Array.from({ length: 20 }, () => new Request(GET()).begin(pool));
      for (const request of requests) {
        await request.done;
        expect(request.log).toEqual(['head 204 none', 'end']);
      }
    }
    expect(most).toBe(1);
  });

  it('tells of refused streams, resets and destroyed connections', async () => {
    serve = (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM);
    const refused = new Request(GET()).begin(pool);
    await refused.done;
    serve = (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('part', () => stream.destroy(new Error('gone')));
    };
    const cut = new Request(GET()).begin(pool);
    await cut.done;
    serve = (stream) => stream.session!.destroy();
    const lost = new Request(GET()).begin(pool);
    await lost.done;
    expect([refused.log, cut.log, lost.log].map((log) => log.at(-1))).toEqual([
      'failure stream_refused',
      'failure response_truncated',
      'failure connection_stale',
    ]);
    await eventually(() => pool.openCount === 0);
  });

  it('takes a graceful GOAWAY without losing a request', async () => {
    serve = (stream) => {
      stream.session!.close();
      setImmediate(() => {
        stream.respond({ ':status': 200 });
        stream.end('ok');
      });
    };
    for (let i = 0; i < 10; i++) {
      const request = new Request(GET()).begin(pool);
      await request.done;
      expect(request.log).toEqual(['head 200 chunked', 'end']);
    }
    await eventually(() => pool.openCount === 0);
    expect(pool.createdCount).toBe(10);
  });

  it('leaves a session in order, so that the endpoint sees no error', async () => {
    serve = (stream) => stream.respond({ ':status': 204 }, { endStream: true });
    const goAways: number[] = [];
    server.on('session', (session) => session.on('goaway', (code) => goAways.push(code)));
    await new Request(GET()).begin(pool).done;
    pool.retire();
    await eventually(() => pool.openCount === 0 && sessions.size === 0);
    expect(goAways).toEqual([0]);
  });
});
