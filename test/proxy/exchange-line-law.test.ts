import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CRITICALITY_NAMES } from '../../src/policy/criticality.ts';
import { ExchangeScript, type FakeClient, requestHead } from '../support/exchange-script.ts';

const MAX_REQUESTS = 3;
const MAX_PENDING = 4;

const step = fc.record({
  kind: fc.constantFrom(
    'ask',
    'ask',
    'ask',
    'body',
    'answer',
    'answer',
    'lose',
    'gone',
    'turn',
    'wait',
    'connections',
    'limits',
  ),
  which: fc.nat(1_000),
});

/** Whatever happens to those who wait, and to those they wait for. */
it('never has more in flight or in line than may be, and closes its books', () => {
  const seen = { waited: 0, expired: 0, displaced: 0 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const limits = { maxRequests: MAX_REQUESTS, maxPending: MAX_PENDING, pendingTimeoutMs: 300 };
      const script = new ExchangeScript({ limits, breaker: { consecutiveFailures: 1_000, minimumRequests: 100_000 } });
      const endpoints = ['a', 'b'].map((name) => script.endpoint(name));
      const clients: FakeClient[] = [];
      const upstreams = () => endpoints.flatMap((endpoint) => endpoint.upstreams).filter(({ isAborted }) => !isAborted);
      const over = new Set<unknown>();
      const running = () => upstreams().filter((upstream) => !over.has(upstream));
      for (const { kind, which } of steps) {
        const current = running();
        const upstream = current[which % Math.max(1, current.length)];
        if (kind === 'ask') {
          const client = script.open();
          const fields = { 'x-remora-criticality': CRITICALITY_NAMES[which % 4]! };
          client.handler.onRequest(requestHead({ method: 'POST', body: 'chunked', fields }));
          clients.push(client);
          if (which % 3 > 0) client.handler.onRequestEnd(null);
        } else if (kind === 'body' && clients.length > 0) {
          clients[which % clients.length]!.handler.onRequestBody(Buffer.alloc(which + 1));
        } else if (kind === 'answer' && upstream !== undefined) {
          over.add(upstream);
          upstream.answer(which % 5 === 0 ? 503 : 200);
        } else if (kind === 'lose' && upstream !== undefined) {
          over.add(upstream);
          upstream.handler.onFailure('upstream_reset');
        } else if (kind === 'gone' && clients.length > 0)
          clients[which % clients.length]!.handler.onClientGone('client_gone');
        else if (kind === 'turn') script.endTurn();
        else if (kind === 'wait') script.clock.advance(which % 200);
        else if (kind === 'connections') endpoints[which % 2]!.isExhausted = which % 3 === 0;
        else if (kind === 'limits') {
          script.admission.reconfigure(1 + (which % MAX_REQUESTS));
          script.line.roomMade();
        }
        script.take();
        expect(script.admission.inFlight).toBeLessThanOrEqual(MAX_REQUESTS);
        expect(script.line.size).toBeLessThanOrEqual(MAX_PENDING);
      }
      seen.waited += script.line.entered;
      seen.expired += script.line.expired;
      seen.displaced += script.line.displaced;
      for (const client of clients) client.handler.onClientGone('client_gone');
      script.endTurn();
      expect(script.books()).toEqual({ admitted: 0, active: 0, parked: 0, timers: 0 });
      expect(script.records.length).toBe(clients.length);
    }),
    { numRuns: 200 },
  );
  // All of it has happened.
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(10);
});
