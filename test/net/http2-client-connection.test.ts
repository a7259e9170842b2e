import { describe, expect, it } from 'vitest';
import type { FailureCode } from '../../src/base/failure.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Client, RequestHandler } from '../../src/http/conduit.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import type { RequestHead, ResponseHead } from '../../src/http/head.ts';
import { WindowBudget } from '../../src/http2/receive-window.ts';
import type { Http2RequestHead } from '../../src/http2/request-head.ts';
import { Http2ClientConnection } from '../../src/net/http2-client-connection.ts';
import { Output } from '../../src/net/output.ts';
import { type SessionWire, Wires } from '../../src/net/session-wire.ts';
import { NO_RELEASE } from '../../src/net/socket-transport.ts';
import { ScriptTransport } from '../support/client-script.ts';
import {
  block,
  data,
  describeFrame,
  GET,
  get,
  headers,
  openHeaders,
  POST,
  PREFACE,
  parseFrames,
  settings,
  windowUpdate,
} from '../support/http2-frames.ts';
import { http1Response } from '../support/http2-heads.ts';
import { LIMITS } from '../support/http2-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';

const HEAD_TIMEOUT_MS = 10_000;
const CLIENT_LIMITS = {
  maxHeadBytes: 65_536,
  maxFields: 128,
  maxTargetBytes: 8_192,
  headTimeoutMs: HEAD_TIMEOUT_MS,
  clientIdleMs: 60_000,
};
const PEER = { address: '127.0.0.1', port: 5000, listener: 'orders', scheme: 'http', identity: null };

/** The end of a turn is when a test looks. */
class TurnWires extends Wires {
  readonly scheduled: SessionWire[] = [];

  override schedule(wire: SessionWire): void {
    this.scheduled.push(wire);
  }

  endTurn(): void {
    for (const wire of this.scheduled.splice(0)) wire.turnEnded();
  }
}

/** What an exchange is told by one stream. */
class RecordingRequest implements RequestHandler {
  readonly log: string[] = [];
  head: RequestHead | null = null;
  onGone: () => void = () => undefined;

  constructor(readonly client: Client) {}

  onRequest(head: RequestHead): void {
    this.head = head;
    this.log.push(`${head.method} ${head.path}`);
  }

  onRequestBody(bytes: Buffer): boolean {
    this.log.push(`body ${bytes.length}`);
    return true;
  }

  onRequestEnd(): void {
    this.log.push('end');
  }

  onClientDrain(): void {
    this.log.push('drain');
  }

  onClientGone(code: FailureCode): void {
    this.log.push(code);
    this.onGone();
  }

  answer(head: ResponseHead = http1Response({}, 'HTTP/1.1 200 OK', 'content-length: 0')): void {
    this.client.sendHead(head, NO_EDITS);
    this.client.sendEnd(null);
    this.client.finish(true);
  }
}

/** A client's connection without a socket and without exchanges. */
class Http2ClientScript {
  readonly clock = new ManualClock();
  readonly requests: RecordingRequest[] = [];
  readonly bugs: unknown[] = [];
  readonly transport: ScriptTransport;
  readonly connection: Http2ClientConnection;
  isClosed = false;
  private readonly wires = new TurnWires();

  constructor() {
    const { clock, requests } = this;
    const host = { output: new Output(), onBug: (error: unknown) => void this.bugs.push(error) };
    this.transport = new ScriptTransport(host, 'client_gone', NO_RELEASE);
    const acceptor = {
      open: (client: Client) => {
        const request = new RecordingRequest(client);
        requests.push(request);
        return request;
      },
    };
    const owner = {
      onClosed: () => {
        this.isClosed = true;
      },
    };
    const shared = {
      wires: this.wires,
      budget: new WindowBudget(1_000_000),
      limits: LIMITS,
      random: new SeededRandom(1),
    };
    this.connection = new Http2ClientConnection(
      this.transport,
      PEER,
      { host, acceptor, clock, limits: CLIENT_LIMITS, owner },
      shared,
    );
    this.transport.handler = this.connection;
    this.say(PREFACE, settings());
    this.sent();
  }

  say(...parts: readonly Buffer[]): void {
    this.transport.receive(Buffer.concat(parts).toString('latin1'));
  }

  sent(): string[] {
    this.wires.endTurn();
    return parseFrames(Buffer.from(this.transport.take(), 'latin1')).map(describeFrame);
  }

  /** What is due in an event of its own has had it. */
  async later(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a client that is slow with a body', () => {
  it('is not hurried as with a head, wherever its frames are cut', () => {
    const script = new Http2ClientScript();
    script.say(openHeaders(1, POST));
    const body = Buffer.concat([data(1, 'x'.repeat(100), 0), data(1, 'x'.repeat(100), 0)]);
    script.say(body.subarray(0, 50));
    script.clock.advance(HEAD_TIMEOUT_MS - 1);
    script.say(body.subarray(50, 150));
    script.clock.advance(HEAD_TIMEOUT_MS - 1);
    script.say(body.subarray(150));
    expect(script.requests[0]!.log).toEqual(['POST /', 'body 41', 'body 59', 'body 32', 'body 68']);
    expect(script.sent()).toEqual([]);
  });

  it('is hurried with a head that it begins beside it', () => {
    const script = new Http2ClientScript();
    script.say(openHeaders(1, POST), headers(3, GET).subarray(0, 12));
    script.clock.advance(HEAD_TIMEOUT_MS);
    expect(script.requests[0]!.log).toEqual(['POST /', 'client_gone']);
    expect(script.sent()).toEqual(['GOAWAY 1 NO_ERROR']);
    expect(script.transport.log).toEqual(['end']);
  });
});

describe('a connection that leaves', () => {
  it('ends its requests first, since nothing of an answer can follow the FIN', () => {
    const script = new Http2ClientScript();
    script.say(headers(1, GET), headers(3, GET).subarray(0, 12));
    script.clock.advance(HEAD_TIMEOUT_MS);
    expect(script.requests[0]!.log).toEqual(['GET /', 'end', 'client_gone']);
  });

  it('writes nothing behind its FIN when the time is up', () => {
    const script = new Http2ClientScript();
    script.say(settings([0x4, 0]), headers(1, GET), headers(3, GET));
    script.requests[0]!.client.sendHead(http1Response({}, 'HTTP/1.1 200 OK', 'content-length: 5'), NO_EDITS);
    script.requests[0]!.client.sendBody(Buffer.from('hello'));
    script.requests[0]!.client.sendEnd(null);
    script.requests[0]!.client.finish(true);
    script.sent();
    script.connection.expire();
    expect(script.requests[1]!.log.at(-1)).toBe('draining');
    script.say(windowUpdate(1, 100), windowUpdate(3, 100));
    script.transport.drained();
    expect(script.sent().at(-1)).toBe('GOAWAY 3 NO_ERROR');
    script.transport.lost();
    expect(script.isClosed).toBe(true);
    expect(script.clock.armed).toBe(0);
    expect(script.bugs).toEqual([]);
  });
});

describe('a connection that is asked to close while its port serves on', () => {
  it('says so at once when it has carried a request', () => {
    const script = new Http2ClientScript();
    script.say(headers(1, GET));
    script.requests[0]!.answer();
    script.sent();
    script.connection.announceClose();
    expect(script.sent()).toEqual([`GOAWAY ${0x7fff_ffff} NO_ERROR`]);
  });

  it('says so with its first request when it has carried none, since none may follow', () => {
    const script = new Http2ClientScript();
    script.connection.announceClose();
    expect(script.sent()).toEqual([]);
    script.say(headers(1, GET));
    expect(script.sent()).toEqual([`GOAWAY ${0x7fff_ffff} NO_ERROR`]);
    script.requests[0]!.answer();
    expect(script.sent()).toEqual(['HEADERS 1 end']);
    script.clock.advance(1_000);
    expect(script.sent()).toEqual(['GOAWAY 1 NO_ERROR']);
    expect(script.transport.log).toEqual(['end']);
  });
});

describe('a stream that waits for its next request', () => {
  it('keeps no large head', () => {
    const script = new Http2ClientScript();
    script.say(headers(1, get(['x-large', 'x'.repeat(10_000)])));
    script.requests[0]!.answer();
    const { head } = script.requests[0]!;
    expect(head!.get('x-large')).toBeNull();
    expect((head as Http2RequestHead).values.join('').length).toBeLessThan(100);
  });

  it('shows its head until its exchange knows that the time is up', () => {
    const script = new Http2ClientScript();
    script.say(headers(1, get(['x-large', 'x'.repeat(10_000)])));
    const [request] = script.requests;
    let seen = 0;
    request!.onGone = () => {
      seen = request!.head!.get('x-large')!.length;
    };
    script.connection.expire();
    expect(seen).toBe(10_000);
    expect(script.sent()).toEqual(['HEADERS 1', expect.stringMatching(/^DATA 1 \d+ end$/), 'GOAWAY 1 NO_ERROR']);
  });
});

describe('a tunnel that is asked for', () => {
  const CHAT = openHeaders(
    1,
    block([':method', 'CONNECT'], [':protocol', 'websocket'], [':scheme', 'http'], [':authority', 'a'], [':path', '/']),
  );

  it('is given up when its client ends it before it is agreed on', async () => {
    const script = new Http2ClientScript();
    script.say(CHAT);
    expect(script.requests[0]!.log).toEqual(['GET /', 'end']);
    script.say(data(1, ''));
    expect(script.requests[0]!.log).toEqual(['GET /', 'end', 'client_gone']);
    expect(script.sent()).toEqual(['RST_STREAM 1 CANCEL']);
    script.say(headers(3, GET));
    script.requests[0]!.answer();
    expect(script.sent()).toEqual(['HEADERS 3 end']);
    await script.later();
    expect(script.bugs).toEqual([]);
  });
});
