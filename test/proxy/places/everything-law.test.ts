import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Door, OPEN_DOOR } from '../../../src/policy/door.ts';
import { FaultList } from '../../../src/policy/fault-list.ts';
import { RequestMatch } from '../../../src/route/request-match.ts';
import { Caller, Endpoints } from '../../support/both-ends.ts';
import { SpreadScript } from '../../support/spread-script.ts';

const WAYS = [
  ...(['connected', 'connected', 'ok', 'ok', 'head', 'head', 'body', 'trailers', 'failed trailers', 'drain'] as const),
  ...(['unavailable', 'later', 'refused', 'gone', 'lost', 'stale', 'interim', 'trailers only'] as const),
];

const happening = fc.record({
  kind: fc.constantFrom(
    ...(['ask', 'ask', 'ask', 'client', 'client', 'end', 'end', 'end', 'end', 'end', 'end', 'wait', 'wait'] as const),
    ...(['turn', 'connections'] as const),
  ),
  which: fc.nat(1_000),
  how: fc.constantFrom(...WAYS),
  what: fc.constantFrom(...(['done', 'piece', 'gone', 'full', 'drain'] as const)),
  ms: fc.constantFrom(10, 60, 60, 400, 1_200),
});

it('closes all books, and answers each client once, wherever requests go and whatever happens there', () => {
  let second = 0;
  let hedged = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...(['first', 'all', 'dual_read', 'dual_write'] as const)),
      fc.boolean(),
      fc.constantFrom(0, 0, 2_000),
      fc.array(happening, { minLength: 20, maxLength: 80, size: 'max' }),
      (kind, warm, share, happenings) => {
        const script = new SpreadScript(kind, ['a', 'b', 'c'], {
          warm,
          retry: { maxAttempts: 3, grpcIdempotent: true, maxConcurrent: 2, replayBytes: 40 },
          limits: { maxRequests: 6, maxPending: 3, pendingTimeoutMs: 400, maxParked: 4 },
          hedge: { delayMs: 50, maxExtraLoad: 1 },
          timeouts: { attemptMs: 600, attemptIdleMs: 350, requestMs: 2_500, streamIdleMs: 2_000 },
          breaker: { consecutiveFailures: 4, coolDownMs: 200, maxCoolDownMs: 400 },
          faults: (clock) => {
            const untilMs = clock.wallMs() + 60_000;
            const match = { path: null, headers: [], callers: [] };
            const effects = [
              { kind: 'delay', delayMs: 100, header: null },
              { kind: 'abort', status: 500, grpcStatus: 13 },
            ] as const;
            const list = effects.map((effect) => ({ effect, share, match, maxActive: 2, untilMs }));
            return new FaultList(list, (one) => new RequestMatch(one.match), {
              now: clock.now(),
              wallMs: clock.wallMs(),
            });
          },
        });
        let inside = 0;
        let entered = 0;
        const door: Door = {
          ...OPEN_DOOR,
          enter: () => {
            inside += 1;
            entered += 1;
            return null;
          },
          leave: () => {
            inside -= 1;
          },
        };
        Object.assign(script.plan, { door });
        const endpoints = new Endpoints([script]);
        const callers: Caller[] = [];
        for (const { kind: step, which, how, what, ms } of happenings) {
          const open = callers.filter(({ isOpen }) => isOpen);
          if (step === 'ask') {
            const idle = callers.filter(({ isOpen }) => !isOpen);
            const caller = (which % 2 === 0 ? idle[0] : undefined) ?? new Caller(script, script.enter());
            if (!callers.includes(caller)) callers.push(caller);
            const isCall = which % 5 === 0;
            const method = isCall ? 'POST' : ['GET', 'GET', 'HEAD', 'PUT', 'POST'][which % 5]!;
            const fields: Record<string, string> = isCall ? { 'content-type': 'application/grpc' } : {};
            caller.asks(
              { method, path: `/${which}`, fields, version: isCall ? '2' : '1.1' },
              isCall || which % 3 === 0,
            );
          } else if (step === 'client') open[which % Math.max(1, open.length)]?.does(what);
          else if (step === 'end') endpoints.does(how, which);
          else if (step === 'wait') script.clock.advance(ms);
          else if (step === 'turn') script.endTurn();
          else if (which % 3 === 0) script.endpoint('b').isExhausted = !script.endpoint('b').isExhausted;
          endpoints.collect();
          script.take();
          expect(script.admission.inFlight).toBeLessThanOrEqual(6);
        }
        for (const caller of callers) if (caller.isOpen) caller.does('done');
        for (let turns = 0; turns < 12; turns++) {
          script.clock.advance(1_000);
          script.endTurn();
        }
        for (const caller of callers) if (caller.isOpen) caller.does('gone');
        for (let turns = 0; turns < 12; turns++) {
          script.clock.advance(1_000);
          script.endTurn();
        }
        endpoints.collect();
        expect(script.books()).toEqual({ admitted: 0, active: 0, parked: 0, timers: 0 });
        expect([script.slots.inUse, script.shadows.size, inside, endpoints.open.length]).toEqual([0, 0, 0, 0]);
        expect(script.plan.faults.inForce(0).every(({ active }) => active === 0)).toBe(true);
        const requests = callers.reduce((sum, one) => sum + one.requests, 0);
        expect(script.records.length).toBe(requests);
        expect(entered).toBeLessThanOrEqual(requests);
        const { reads } = script.ledger;
        second += reads.same + reads.different + reads.failed;
        hedged += (script.plan.hedge as { sent?: number }).sent ?? 0;
      },
    ),
    { numRuns: 500 },
  );
  expect(second).toBeGreaterThan(0);
  expect(hedged).toBeGreaterThan(0);
});
