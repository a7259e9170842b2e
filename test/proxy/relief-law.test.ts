import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DEFAULT_FALLBACK_CODES, DEFAULT_STALE } from '../../src/policy/fallback.ts';
import type { FaultEffect } from '../../src/policy/fault.ts';
import { FaultList } from '../../src/policy/fault-list.ts';
import { Fallbacks } from '../../src/proxy/fallback.ts';
import { RequestMatch } from '../../src/route/request-match.ts';
import {
  ExchangeScript,
  type FakeClient,
  type FakeUpstream,
  requestHead,
  responseHead,
} from '../support/exchange-script.ts';

const effects: readonly FaultEffect[] = [
  { kind: 'delay', delayMs: 300, header: null },
  { kind: 'abort', status: 500, grpcStatus: 13 },
  { kind: 'reset' },
  { kind: 'bandwidth', bytesPerSecond: 100 },
];

const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      method: fc.constantFrom('POST', 'PUT', 'GET', 'GET', 'GET'),
      path: fc.constantFrom('/a', '/a', '/b'),
      hasBody: fc.constantFrom(true, false, false),
      isCall: fc.constantFrom(true, false, false, false),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('client' as const),
      what: fc.constantFrom('piece', 'done', 'gone', 'full', 'drain'),
      which: fc.nat(20),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      how: fc.constantFrom('connected', 'ok', 'ok', 'begin', 'unavailable', 'refused', 'reset', 'gone'),
      which: fc.nat(20),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('none', 'one', 'two').map((names) => ({ kind: 'discover', names }) as const),
  },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 3_000 }).map((ms) => ({ kind: 'wait', ms }) as const) },
);

/** A client that keeps to its side of the law, and counts what it is told. */
class Caller {
  isOpen = true;
  heads = 0;
  ends = 0;
  private isSending: boolean;
  private isPaused = false;
  private readonly client: FakeClient;

  constructor(script: ExchangeScript, method: string, path: string, hasBody: boolean, isCall: boolean) {
    this.client = script.open();
    this.isSending = hasBody;
    const told = (): void => {
      expect(this.isOpen, 'nothing is said after the end').toBe(true);
      this.heads += 1;
    };
    Object.assign(this.client, {
      resume: () => (this.isPaused = false),
      sendHead: told,
      sendLocal: told,
      sendRefusal: () => false,
      finish: () => {
        expect(this.isOpen).toBe(true);
        this.isOpen = false;
        this.ends += 1;
      },
    });
    const call = isCall ? { version: '2', fields: { 'content-type': 'application/grpc' } } : {};
    if (hasBody) this.client.handler.onRequest(requestHead({ method, path, body: 'chunked', ...call }));
    else this.client.request({ method, path, ...call });
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
    if (!this.isSending || this.isPaused) return;
    if (what === 'piece') this.isPaused = !handler.onRequestBody(Buffer.alloc(10));
    if (what !== 'done') return;
    this.isSending = false;
    handler.onRequestEnd(null);
  }
}

/** Moves on one of the attempts that run, at either cluster. */
function end(
  scripts: readonly ExchangeScript[],
  how: string,
  which: number,
  over: Set<FakeUpstream>,
  begun: Set<FakeUpstream>,
): void {
  const running = scripts
    .flatMap((script) => [...script.endpoints.values()])
    .flatMap(({ upstreams }) => upstreams)
    .filter((one) => !over.has(one) && !one.isAborted);
  if (running.length === 0) return;
  const upstream = running[which % running.length]!;
  const { handler } = upstream;
  if (how === 'connected') {
    if (upstream.isReady) return;
    upstream.isReady = true;
    return handler.onConnected();
  }
  if (!upstream.isReady && how !== 'refused') return;
  if (begun.has(upstream)) {
    if (how === 'begin') return void handler.onBody(Buffer.alloc(30));
    over.add(upstream);
    if (how === 'ok' || how === 'unavailable') return handler.onEnd(null);
    return handler.onFailure('response_truncated');
  }
  if (how === 'begin') {
    begun.add(upstream);
    return handler.onHead(responseHead(200, 'chunked'));
  }
  over.add(upstream);
  if (how === 'ok') upstream.answer(200, 'whole');
  else if (how === 'unavailable') upstream.answer(503);
  else if (how === 'gone') upstream.answer(404);
  else handler.onFailure(how === 'refused' ? 'stream_refused' : 'upstream_reset');
}

const NAMES = { none: [], one: ['a'], two: ['a', 'b'] } as const;

it('closes all books, and answers each client once, whatever fails on purpose or by itself', () => {
  const used = { delay: 0, abort: 0, reset: 0, bandwidth: 0, skipped: 0, cluster: 0, stale: 0, static: 0 };
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(fc.record({ effect: fc.constantFrom(...effects), share: fc.constantFrom(0, 1_000, 5_000) }), {
        maxLength: 3,
      }),
      fc.record({ cluster: fc.boolean(), stale: fc.boolean(), written: fc.boolean() }),
      fc.array(happening, { minLength: 20, maxLength: 60, size: 'max' }),
      (warm, chosen, gives, happenings) => {
        const options = {
          retry: { maxAttempts: 2 },
          limits: { maxRequests: 4 },
          timeouts: { requestMs: 5_000, streamIdleMs: 4_000 },
        };
        const other: { script: ExchangeScript | null } = { script: null };
        const answer = {
          status: 200,
          contentType: 'text/plain',
          fields: {},
          body: 'b',
          grpcStatus: 1,
          anyMethod: true,
        };
        const fallback = new Fallbacks(
          {
            codes: DEFAULT_FALLBACK_CODES,
            statuses: [503],
            upstream: gives.cluster ? 'other' : null,
            stale: gives.stale ? { ...DEFAULT_STALE, maxBodyBytes: 50, maxBytes: 2_000 } : null,
            answer: gives.written ? answer : null,
          },
          () => other.script!.plan,
        );
        const match = { path: null, headers: [], callers: [] };
        let faults!: FaultList;
        const script = new ExchangeScript({
          warm,
          ...options,
          fallback,
          faults: (clock) => {
            const untilMs = clock.wallMs() + 20_000;
            const list = chosen.map((one) => ({ ...one, match, maxActive: 1, untilMs }));
            const now = { now: clock.now(), wallMs: clock.wallMs() };
            return (faults = new FaultList(list, (one) => new RequestMatch(one.match), now));
          },
        });
        other.script = new ExchangeScript({ warm, ...options, endpoints: ['z'], clock: script.clock });
        const both = [script, other.script];
        const callers: Caller[] = [];
        const over = new Set<FakeUpstream>();
        const begun = new Set<FakeUpstream>();
        for (const what of happenings) {
          if (what.kind === 'request')
            callers.push(new Caller(script, what.method, what.path, what.hasBody, what.isCall));
          else if (what.kind === 'client') {
            const open = callers.filter(({ isOpen }) => isOpen);
            open[what.which % open.length]?.does(what.what);
          } else if (what.kind === 'wait') script.clock.advance(what.ms);
          else if (what.kind === 'end') end(both, what.how, what.which, over, begun);
          else script.discover(NAMES[what.names]);
        }
        for (const caller of callers) if (caller.isOpen) caller.does('done');
        script.clock.advance(120_000);
        for (const caller of callers) if (caller.isOpen) caller.does('gone');
        for (const { heads, ends } of callers) {
          expect(heads).toBeLessThanOrEqual(1);
          expect(ends).toBeLessThanOrEqual(1);
        }
        for (const one of both) expect(one.books()).toMatchObject({ admitted: 0, active: 0, parked: 0, timers: 0 });
        expect(faults.inForce(0).every(({ active }) => active === 0)).toBe(true);
        // Every request is on record once, and once more where it moved.
        const moves = fallback.counts.cluster;
        expect(script.records.length + other.script.records.length).toBe(callers.length + moves);
        expect(other.script.records.length).toBe(moves);
        // Nothing is held of copies that came to nothing.
        const { size, bytes } = fallback.stale;
        expect(bytes).toBeLessThanOrEqual(2_000);
        expect(bytes > 0).toBe(size > 0);
        for (const [name, count] of [...Object.entries(faults.counts), ...Object.entries(fallback.counts)]) {
          used[name as keyof typeof used] += count;
        }
      },
    ),
    { numRuns: 700 },
  );
  // The scripts have been everywhere.
  for (const [name, count] of Object.entries(used)) expect(count, name).toBeGreaterThan(0);
});
