import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ExchangeScript, type FakeClient, type FakeUpstream, requestHead } from '../support/exchange-script.ts';

const NAMES = ['a', 'b', 'c'] as const;

const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      method: fc.constantFrom('POST', 'PUT', 'GET'),
      hasBody: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('client' as const),
      what: fc.constantFrom('piece', 'done', 'gone'),
      which: fc.nat(20),
    }),
  },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }).map((primary) => ({ kind: 'move', primary }) as const) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      how: fc.constantFrom('connected', 'ok', 'misdirected', 'refused', 'reset'),
      which: fc.nat(20),
    }),
  },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 3_000 }).map((ms) => ({ kind: 'wait', ms }) as const) },
);

/** A client that keeps to its side of the law: it sends no more than it may, and nothing after the end. */
class Caller {
  isOpen = true;
  private isSending: boolean;
  private isPaused = false;
  private readonly client: FakeClient;

  constructor(script: ExchangeScript, method: string, hasBody: boolean) {
    this.client = script.open();
    this.isSending = hasBody;
    Object.assign(this.client, {
      resume: () => (this.isPaused = false),
      finish: () => (this.isOpen = false),
    });
    if (hasBody) this.client.handler.onRequest(requestHead({ method, body: 'chunked' }));
    else this.client.request({ method });
  }

  does(what: string): void {
    const { handler } = this.client;
    if (what === 'gone') {
      this.isOpen = false;
      return handler.onClientGone('client_gone');
    }
    if (!this.isSending || this.isPaused) return;
    if (what === 'piece') this.isPaused = !handler.onRequestBody(Buffer.alloc(10));
    else {
      this.isSending = false;
      handler.onRequestEnd(null);
    }
  }
}

/** Moves on one of the attempts that run. */
function end(script: ExchangeScript, how: string, which: number, over: Set<FakeUpstream>): void {
  const running = [...script.endpoints.values()]
    .flatMap(({ upstreams }) => upstreams)
    .filter((one) => !over.has(one) && !one.isAborted);
  if (running.length === 0) return;
  const upstream = running[which % running.length]!;
  if (how === 'connected') {
    if (upstream.isReady) return;
    upstream.isReady = true;
    return upstream.handler.onConnected();
  }
  if (!upstream.isReady && how !== 'refused') return;
  over.add(upstream);
  if (how === 'ok') upstream.answer(200);
  else if (how === 'misdirected') upstream.answer(421);
  else upstream.handler.onFailure(how === 'refused' ? 'stream_refused' : 'upstream_reset');
}

it('never sends a write to who is not the primary, and closes its books', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(happening, { maxLength: 60 }), (warm, happenings) => {
      const script = new ExchangeScript({ warm, endpoints: [], roles: { hold: { requests: 5, bytes: 25 } } });
      const callers: Caller[] = [];
      const over = new Set<FakeUpstream>();
      let primary: string | null = null;
      for (const what of happenings) {
        if (what.kind === 'request') callers.push(new Caller(script, what.method, what.hasBody));
        else if (what.kind === 'client') {
          const open = callers.filter(({ isOpen }) => isOpen);
          open[what.which % open.length]?.does(what.what);
        } else if (what.kind === 'wait') script.clock.advance(what.ms);
        else if (what.kind === 'end') end(script, what.how, what.which, over);
        else {
          primary = NAMES[what.primary] ?? null;
          script.discover(NAMES.map((name) => (name === primary ? `${name}=primary` : `${name}=replica`)));
        }
        for (const line of script.take()) {
          const [, who, verb, method] = line.split(' ');
          if (verb === 'send' && method !== 'GET') expect(who).toBe(primary);
        }
      }
      for (const caller of callers) if (caller.isOpen) caller.does('done');
      script.clock.advance(60_000);
      // What never ends its request, and never comes to an attempt that could bound it, is its client's to end.
      for (const caller of callers) if (caller.isOpen) caller.does('gone');
      expect(script.books()).toMatchObject({ active: 0, parked: 0, admitted: 0 });
      // Nor has anybody left a place or bytes of his behind.
      script.discover(['a=replica']);
      const last = Array.from({ length: 5 }, () => new Caller(script, 'POST', true));
      for (const caller of last.slice(0, 2)) caller.does('piece');
      script.clock.advance(20);
      expect(script.hold.size).toBe(5);
    }),
    { numRuns: 500 },
  );
});
