import { expect } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { Connector, Upstream } from '../../src/http/conduit.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import type { Fields } from '../../src/http/fields.ts';
import type { RequestHead } from '../../src/http/head.ts';
import { WindowBudget } from '../../src/http2/receive-window.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { UNLIMITED } from '../../src/net/connection-limit.ts';
import { DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { Http2Pool } from '../../src/net/http2-pool.ts';
import type { Http2Limits } from '../../src/net/http2-shared.ts';
import type { PoolOptions } from '../../src/net/pool.ts';
import { type SessionWire, Wires } from '../../src/net/session-wire.ts';
import { FakeSockets, type FakeTransport } from './fake-transport.ts';
import { describeFrame, type Frame, parseFrames, settings } from './http2-frames.ts';
import { http1Request } from './http2-heads.ts';
import { OPTIONS, SessionScript } from './http2-script.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingResponse } from './recording-response.ts';

const POOL: PoolOptions = {
  host: '127.0.0.1',
  port: 80,
  connectTimeoutMs: 1_000,
  idleTimeoutMs: 30_000,
  ...DEFAULT_CONNECTIONS,
  maxIdle: 2,
  limits: { maxHeadBytes: 65_536, maxFields: 128, maxTargetBytes: 8_192 },
};
export const LIMITS: Http2Limits = { ...OPTIONS, pingIntervalMs: 10_000, pingTimeoutMs: 5_000 };

const PREFACE_BYTES = 24;

export const GET = (): RequestHead => http1Request('GET /a HTTP/1.1', 'host: orders');
export const POST = (): RequestHead => http1Request('POST /a HTTP/1.1', 'host: orders', 'transfer-encoding: chunked');

/** Wires whose turns end when a test says so. */
class TurnWires extends Wires {
  private scheduled: SessionWire[] = [];

  override schedule(wire: SessionWire): void {
    this.scheduled.push(wire);
  }

  endTurn(): void {
    const { scheduled } = this;
    this.scheduled = [];
    for (const wire of scheduled) wire.turnEnded();
  }
}

/** One request and what is heard of it. It holds its upstream to the laws of the conduit. */
export class Call extends RecordingResponse {
  upstream!: Upstream;
  /** What a test does inside an event. */
  act: (line: string) => void = () => undefined;
  private isCalling = false;
  private isOver = false;

  constructor(
    private readonly head: RequestHead,
    private readonly isWhole: boolean,
  ) {
    super();
    this.react = (line) => {
      expect(this.isCalling, `${line} inside a call`).toBe(false);
      expect(this.isOver, `${line} after the end`).toBe(false);
      if (/^(end|failure)/.test(line) && !this.log.some((it) => it.endsWith('raw'))) this.isOver = true;
      if (line === 'connected') this.send();
      this.act(line);
    };
  }

  begin(connector: Connector, fresh: boolean, now: number): this {
    this.call(() => {
      this.upstream = connector.acquire(this, fresh, '2', now);
    });
    if (this.upstream.isReady) this.send();
    return this;
  }

  body(bytes: Buffer | string): boolean {
    return this.call(() => this.upstream.sendBody(Buffer.from(bytes)));
  }

  end(trailers: Fields | null = null): void {
    this.call(() => this.upstream.sendEnd(trailers));
  }

  resume(): void {
    this.hasRoom = true;
    this.call(() => this.upstream.resume());
  }

  abort(): void {
    this.isOver = true;
    this.call(() => this.upstream.abort());
  }

  /** The last word. */
  get last(): string | undefined {
    return this.log.at(-1);
  }

  private send(): void {
    this.call(() => this.upstream.sendHead(this.head, NO_EDITS));
    if (this.isWhole) this.end();
  }

  private call<T>(what: () => T): T {
    const before = this.isCalling;
    this.isCalling = true;
    try {
      return what();
    } finally {
      this.isCalling = before;
    }
  }
}

/** A pool of HTTP/2 sessions without sockets. A test plays the endpoints: by frames, or by a session of its own. */
export class Http2UpstreamScript {
  readonly clock = new ManualClock();
  readonly sockets = new FakeSockets();
  readonly budget = new WindowBudget(16_777_216);
  readonly pool: Http2Pool;
  private readonly wires = new TurnWires();
  private readonly greeted = new Set<FakeTransport>();
  private readonly pairs: (readonly [FakeTransport, SessionScript])[] = [];

  constructor(changes: Partial<PoolOptions> = {}, limits: Partial<Http2Limits> = {}, connections = UNLIMITED) {
    const { clock, sockets, wires, budget } = this;
    this.pool = new Http2Pool(
      { sockets, host: sockets.host, clock, random: new SeededRandom(1), closed: new Closed() },
      { ...POOL, ...changes },
      { wires, budget, limits: { ...LIMITS, ...limits }, random: new SeededRandom(1) },
      connections,
    );
  }

  get transport(): FakeTransport {
    return this.sockets.last;
  }

  /** A whole request, sent when it may be. */
  get(fresh = false, head = GET()): Call {
    return new Call(head, true).begin(this.pool, fresh, this.clock.now());
  }

  /** A request whose body a test sends. */
  post(head = POST()): Call {
    return new Call(head, false).begin(this.pool, false, this.clock.now());
  }

  // --- By frames ---

  /** The endpoint is there, with these settings. */
  greet(transport = this.transport, ...pairs: readonly (readonly [number, number])[]): void {
    transport.connect();
    this.say(transport, settings(...pairs));
  }

  say(transport: FakeTransport, ...parts: readonly Buffer[]): void {
    transport.say(Buffer.concat(parts).toString('latin1'));
  }

  /** What was put out since the last time, the preface apart. */
  frames(transport = this.transport): Frame[] {
    const bytes = this.take(transport);
    const isFirst = bytes.length > 0 && !this.greeted.has(transport);
    if (isFirst) this.greeted.add(transport);
    return parseFrames(isFirst ? bytes.subarray(PREFACE_BYTES) : bytes);
  }

  sent(transport = this.transport): string[] {
    return this.frames(transport).map(describeFrame);
  }

  /** Open, and nothing of the beginning is left to be read. */
  opened(...pairs: readonly (readonly [number, number])[]): FakeTransport {
    const { transport } = this;
    this.greet(transport, ...pairs);
    this.sent(transport);
    return transport;
  }

  // --- By a session ---

  /** An endpoint at the other end of a transport that is being opened; `run` begins. */
  serve(transport = this.transport): SessionScript {
    const endpoint = new SessionScript(true);
    endpoint.session.start();
    this.pairs.push([transport, endpoint]);
    transport.connect();
    return endpoint;
  }

  /** Carries bytes until neither end has any. */
  run(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const [transport, endpoint] of this.pairs) {
        const up = this.take(transport);
        if (up.length > 0) endpoint.session.receive(up);
        endpoint.later();
        const down = endpoint.wire.take();
        if (down.length > 0 && transport.destroyed === null) this.say(transport, down);
        isBusy ||= up.length > 0 || down.length > 0;
      }
    }
  }

  /** Lets what is due in an event of its own have it, and carries bytes. */
  async later(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.run();
  }

  /** Everything is closed, and nothing of it is left. */
  expectNothing(): void {
    expect([this.pool.openCount, this.pool.idleCount, this.pool.streamCount]).toEqual([0, 0, 0]);
    expect(this.clock.armed).toBe(0);
    expect(this.budget.takenBytes).toBe(0);
    expect(this.sockets.bugs).toEqual([]);
  }

  private take(transport: FakeTransport): Buffer {
    this.wires.endTurn();
    return Buffer.from(transport.take(), 'latin1');
  }
}
