import { expect } from 'vitest';
import type { FailureCode } from '../../src/base/failure.ts';
import { FieldList } from '../../src/http/fields.ts';
import {
  type ExchangeScript,
  type FakeClient,
  type FakeUpstream,
  requestHead,
  responseHead,
} from './exchange-script.ts';

/** A connection of a client, which keeps to its side of the law and checks what it is told. */
export class Caller {
  isOpen = false;
  requests = 0;
  private state: 'none' | 'head' | 'ended' = 'none';
  private isSending = false;
  private isPaused = false;
  private readonly client: FakeClient;

  constructor(script: ExchangeScript, client: FakeClient = script.open()) {
    this.client = client;
    const answered = (): void => {
      expect(this.isOpen, 'an answer belongs to a request').toBe(true);
      expect(this.state, 'a request has one answer').toBe('none');
      this.state = 'head';
    };
    Object.assign(this.client, {
      resume: () => {
        this.isPaused = false;
      },
      sendInterim: () => expect(this.state, 'interim answers come before').toBe('none'),
      sendHead: answered,
      sendLocal: () => {
        answered();
        this.state = 'ended';
      },
      sendBody: () => {
        expect(this.state, 'a body follows a head').toBe('head');
        return this.client.hasRoom;
      },
      sendEnd: () => {
        expect(this.state, 'an end follows a head').toBe('head');
        this.state = 'ended';
      },
      sendRefusal: () => {
        answered();
        this.state = 'ended';
        return true;
      },
      finish: (intact: boolean) => {
        expect(this.isOpen, 'a request ends once').toBe(true);
        if (intact) expect(this.state, 'what is whole has ended').toBe('ended');
        this.isOpen = false;
      },
    });
  }

  asks(head: Parameters<typeof requestHead>[0], hasBody: boolean): void {
    this.isOpen = true;
    this.requests += 1;
    this.state = 'none';
    this.isPaused = false;
    this.client.hasRoom = true;
    this.isSending = true;
    this.client.handler.onRequest(requestHead({ ...head, body: hasBody ? 'chunked' : 'none' }));
    if (!hasBody && this.isOpen) this.does('done');
  }

  does(what: string): void {
    const { handler } = this.client;
    if (what === 'gone') {
      this.isOpen = false;
      return handler.onClientGone('client_gone');
    }
    if (what === 'full') this.client.hasRoom = false;
    if (what === 'drain' && !this.client.hasRoom) {
      this.client.hasRoom = true;
      handler.onClientDrain();
    }
    if (!this.isSending) return;
    if (what === 'piece' && !this.isPaused) this.isPaused = !handler.onRequestBody(Buffer.alloc(10));
    if (what !== 'done') return;
    this.isSending = false;
    handler.onRequestEnd(null);
  }
}

/** The endpoints' side: every connection that was ever used, and how far it is. */
export class Endpoints {
  readonly all = new Set<FakeUpstream>();
  private readonly over = new Set<FakeUpstream>();
  private readonly begun = new Set<FakeUpstream>();
  /** An application may have looked at what came here. */
  private readonly unseen = new Set<FakeUpstream>();

  constructor(private readonly scripts: readonly ExchangeScript[]) {}

  collect(): void {
    for (const script of this.scripts)
      for (const { upstreams } of script.endpoints.values())
        for (const one of upstreams) if (!this.all.has(one)) this.all.add(watched(one, this.over));
  }

  get open(): FakeUpstream[] {
    return [...this.all].filter((one) => !one.isAborted && !this.over.has(one));
  }

  /** How many may have looked at each request. */
  seenBy(): Map<string, number> {
    const seen = new Map<string, number>();
    for (const one of this.all) {
      const id = one.sentFields['x-request-id'];
      if (id !== undefined && !this.unseen.has(one)) seen.set(id, (seen.get(id) ?? 0) + 1);
    }
    return seen;
  }

  does(how: string, which: number): void {
    const running = this.open;
    if (running.length === 0) return;
    const upstream = running[which % running.length]!;
    const { handler } = upstream;
    if (how === 'connected') {
      if (upstream.isReady) return;
      upstream.isReady = true;
      return handler.onConnected();
    }
    if (how === 'drain') return upstream.isReady ? handler.onUpstreamDrain() : undefined;
    if (!upstream.isReady) return how === 'lost' ? this.loses(upstream, 'connect_refused') : undefined;
    if (how === 'lost') return this.loses(upstream, this.begun.has(upstream) ? 'response_truncated' : 'upstream_reset');
    if (upstream.bytesWritten === 0) return;
    if (this.begun.has(upstream)) return this.goesOn(upstream, how);
    const isWhole = this.answers(upstream, how);
    if (isWhole === null) return;
    if (isWhole) this.over.add(upstream);
    else this.begun.add(upstream);
  }

  private loses(upstream: FakeUpstream, code: FailureCode): void {
    this.over.add(upstream);
    if (code === 'stream_refused') this.unseen.add(upstream);
    upstream.handler.onFailure(code);
  }

  private goesOn(upstream: FakeUpstream, how: string): void {
    const { handler } = upstream;
    if (how === 'body') handler.onBody(Buffer.alloc(30));
    else if (how === 'ok' || how === 'trailers' || how === 'failed trailers') {
      this.over.add(upstream);
      const status = how === 'failed trailers' ? '14' : '0';
      handler.onEnd(how === 'ok' ? null : new FieldList().add('grpc-status', status));
    }
  }

  /** Null: it says nothing; else whether that was the whole. */
  private answers(upstream: FakeUpstream, how: string): boolean | null {
    const { handler, sentFields } = upstream;
    const whole = (status: number, fields: Record<string, string> = {}): true => {
      this.over.add(upstream);
      upstream.answer(status, 'whole', fields);
      return true;
    };
    switch (how) {
      case 'ok':
        return whole(200);
      case 'unavailable':
        return whole(503);
      case 'gone':
        return whole(404);
      case 'later':
        return whole(429, { 'retry-after': '1' });
      case 'misdirected':
        this.unseen.add(upstream);
        return whole(421);
      case 'refused': {
        this.unseen.add(upstream);
        const spanId = sentFields['traceparent']!.slice(36, 52);
        return whole(503, { 'x-remora-failure': 'overloaded', 'x-remora-refused': spanId });
      }
      case 'stale':
        this.loses(upstream, upstream.isReused ? 'connection_stale' : 'stream_refused');
        return true;
      case 'interim':
        handler.onInterim(responseHead(103));
        return null;
      case 'trailers only':
        this.over.add(upstream);
        handler.onHead(responseHead(200, 'none', -1, { 'grpc-status': '14' }));
        handler.onEnd(null);
        return true;
      case 'head':
        this.begun.add(upstream);
        handler.onHead(responseHead(200, 'chunked'));
        return false;
      default:
        return null;
    }
  }
}

/** What is over is not written to. */
function watched(upstream: FakeUpstream, over: ReadonlySet<FakeUpstream>): FakeUpstream {
  for (const name of ['sendBody', 'sendEnd'] as const) {
    const send = upstream[name].bind(upstream) as (bytes: Buffer) => boolean;
    Object.assign(upstream, {
      [name]: (bytes: Buffer) => {
        expect(upstream.isAborted || over.has(upstream), 'nothing is written to what is over').toBe(false);
        return send(bytes);
      },
    });
  }
  return upstream;
}
