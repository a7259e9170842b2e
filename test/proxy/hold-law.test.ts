import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ExchangeScript, type FakeUpstream } from '../support/exchange-script.ts';

const NAMES = ['a', 'b', 'c'] as const;

const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('POST', 'PUT', 'GET').map((method) => ({ kind: 'request', method }) as const),
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
      const script = new ExchangeScript({ warm, endpoints: [], roles: { hold: { requests: 5 } } });
      const over = new Set<FakeUpstream>();
      let primary: string | null = null;
      for (const what of happenings) {
        if (what.kind === 'request') script.open().request({ method: what.method });
        else if (what.kind === 'wait') script.clock.advance(what.ms);
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
      script.clock.advance(60_000);
      expect(script.books()).toMatchObject({ active: 0, parked: 0, admitted: 0 });
    }),
    { numRuns: 500 },
  );
});
