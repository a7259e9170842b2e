import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type FakeClient, type FakeUpstream, requestHead, responseHead } from '../support/exchange-script.ts';
import { SpreadScript } from '../support/spread-script.ts';

const KINDS = ['first', 'all', 'dual_read', 'dual_write', null] as const;
const STATUSES = [200, 200, 200, 204, 302, 404, 500, 503];

/** One thing that happens; numbers choose among what is there. */
const step = fc.oneof(
  fc.record({
    who: fc.constant('request' as const),
    on: fc.nat(3),
    kind: fc.nat(4),
    method: fc.nat(1),
    bodies: fc.nat(2),
  }),
  fc.record({
    who: fc.constant('client' as const),
    what: fc.constantFrom<ClientWord>('body', 'end', 'gone', 'drain', 'full', 'room'),
    on: fc.nat(3),
  }),
  fc.record({
    who: fc.constant('endpoint' as const),
    what: fc.constantFrom<EndpointWord>(
      'connected',
      'head',
      'piece',
      'done',
      'answer',
      'answer',
      'answer',
      'fail',
      'taken',
    ),
    on: fc.nat(99),
    status: fc.nat(STATUSES.length - 1),
  }),
  fc.record({
    who: fc.constant('world' as const),
    what: fc.constantFrom<WorldWord>('wait', 'lose', 'find'),
    ms: fc.nat(3_000),
  }),
);

type ClientWord = 'body' | 'end' | 'gone' | 'drain' | 'full' | 'room';
type EndpointWord = 'connected' | 'head' | 'piece' | 'done' | 'answer' | 'fail' | 'taken';
type WorldWord = 'wait' | 'lose' | 'find';

/** A client that keeps to the law of its side, and watches that the other side does. */
class Caller {
  state: 'idle' | 'sending' | 'sent' = 'idle';
  readonly client: FakeClient;
  private heads = 0;
  private isFinished = true;

  constructor(script: SpreadScript) {
    this.client = script.enter();
    const { client } = this;
    const open = (): void => expect(this.isFinished, 'nothing comes after the end').toBe(false);
    const { sendHead, sendBody, sendEnd, sendLocal, finish } = client;
    Object.assign(client, {
      sendHead: (...args: Parameters<typeof sendHead>) => {
        open();
        expect(++this.heads).toBe(1);
        sendHead.apply(client, args);
      },
      sendBody: (...args: Parameters<typeof sendBody>) => {
        open();
        expect(this.heads).toBe(1);
        return sendBody.apply(client, args);
      },
      sendEnd: (...args: Parameters<typeof sendEnd>) => {
        open();
        sendEnd.apply(client, args);
      },
      sendLocal: (...args: Parameters<typeof sendLocal>) => {
        open();
        expect(++this.heads).toBe(1);
        sendLocal.apply(client, args);
      },
      finish: (...args: Parameters<typeof finish>) => {
        open();
        if (args[0]) expect(this.heads).toBe(1);
        this.isFinished = true;
        this.state = 'idle';
        finish.apply(client, args);
      },
    });
  }

  request(method: string, hasBody: boolean): void {
    this.heads = 0;
    this.isFinished = false;
    this.state = 'sending';
    this.client.handler.onRequest(requestHead({ method, body: hasBody ? 'chunked' : 'none' }));
    if (!hasBody && this.state === 'sending') this.end();
  }

  end(): void {
    this.state = 'sent';
    this.client.handler.onRequestEnd(null);
  }

  gone(): void {
    this.state = 'idle';
    this.isFinished = true;
    this.client.handler.onClientGone('client_gone');
  }
}

/** What a connection may still say. */
type Stage = 'connecting' | 'open' | 'answering' | 'over';

it('closes all books after any order of events', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.boolean(), (steps, warm) => {
      const script = new SpreadScript('first', ['a', 'b', 'c'], {
        warm,
        limits: { maxRequests: 8 },
        retry: { replayBytes: 6 },
      });
      const stages = new Map<FakeUpstream, Stage>();
      const callers = [0, 1, 2, 3].map(() => new Caller(script));
      let requests = 0;

      const stageOf = (upstream: FakeUpstream): Stage =>
        upstream.isAborted ? 'over' : (stages.get(upstream) ?? (upstream.isReady ? 'open' : 'connecting'));
      const live = (): FakeUpstream[] =>
        [...script.endpoints.values()].flatMap(({ upstreams }) => upstreams).filter((one) => stageOf(one) !== 'over');

      const endpointDoes = (what: EndpointWord, upstream: FakeUpstream, status: number): void => {
        const stage = stageOf(upstream);
        const { handler } = upstream;
        if (what === 'answer') {
          for (const next of ['connected', 'head', 'done'] as const) {
            if (stageOf(upstream) !== 'over') endpointDoes(next, upstream, status);
          }
        } else if (what === 'connected' && stage === 'connecting') {
          upstream.isReady = true;
          stages.set(upstream, 'open');
          handler.onConnected();
        } else if (what === 'head' && stage === 'open') {
          stages.set(upstream, 'answering');
          handler.onHead(responseHead(status, 'chunked'));
        } else if (what === 'piece' && stage === 'answering') handler.onBody(Buffer.from('piece'));
        else if (what === 'done' && stage === 'answering') {
          stages.set(upstream, 'over');
          handler.onEnd(null);
        } else if (what === 'fail') {
          stages.set(upstream, 'over');
          const inAnswer = stage === 'answering' ? 'response_truncated' : 'upstream_reset';
          handler.onFailure(stage === 'connecting' ? 'connect_refused' : inAnswer);
        } else if (what === 'taken' && stage !== 'connecting') handler.onUpstreamDrain();
      };

      const clientDoes = (what: ClientWord, caller: Caller): void => {
        const { client, state } = caller;
        if (what === 'full' || what === 'room') client.hasRoom = what === 'room';
        else if (state === 'idle') return;
        else if (what === 'drain') client.handler.onClientDrain();
        else if (what === 'gone') caller.gone();
        else if (state === 'sending' && what === 'body') client.handler.onRequestBody(Buffer.from('body'));
        else if (state === 'sending' && what === 'end') caller.end();
      };

      for (const event of steps) {
        if (event.who === 'client') clientDoes(event.what, callers[event.on]!);
        else if (event.who === 'endpoint') {
          const all = live();
          if (all.length > 0) endpointDoes(event.what, all[event.on % all.length]!, STATUSES[event.status]!);
        } else if (event.who === 'world') {
          if (event.what === 'wait') script.clock.advance(event.ms);
          else script.discover(event.what === 'lose' ? ['a'] : ['a', 'b', 'c']);
        } else if (callers[event.on]!.state === 'idle') {
          requests += 1;
          script.kind = KINDS[event.kind]!;
          script.keyHash = event.bodies;
          callers[event.on]!.request(event.method === 0 ? 'GET' : 'PUT', event.bodies > 0);
        }
      }
      for (const caller of callers) if (caller.state === 'sending') caller.end();
      for (let i = 0; i < 400 && live().length > 0; i++) endpointDoes('fail', live()[0]!, 0);
      script.clock.advance(30_000);
      for (let i = 0; i < 400 && live().length > 0; i++) endpointDoes('fail', live()[0]!, 0);
      script.clock.advance(30_000);

      expect(callers.map(({ state }) => state)).toEqual(['idle', 'idle', 'idle', 'idle']);
      expect(script.records).toHaveLength(requests);
      expect(script.shadows.size).toBe(0);
      expect(script.books()).toEqual({ admitted: 0, active: 0, parked: 0, timers: 0 });
    }),
    { numRuns: 600 },
  );
});
