import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { TunnelClientHandler, TunnelHandler } from '../../src/http/conduit.ts';
import { TunnelEntry, type TunnelExchange } from '../../src/proxy/tunnel.ts';
import { ExchangeScript, FakeTunnelClient } from '../support/exchange-script.ts';

const NAMES = ['a', 'b', 'c'];
const STEPS = ['open', 'connect', 'refuse', 'byte', 'end', 'reset', 'leave', 'wait', 'exhaust', 'discover'] as const;
const WEIGHTS: Readonly<Record<(typeof STEPS)[number], number>> = {
  open: 6,
  connect: 6,
  refuse: 2,
  byte: 2,
  end: 1,
  reset: 2,
  leave: 1,
  wait: 3,
  exhaust: 1,
  discover: 1,
};

type Step = readonly [(typeof STEPS)[number], number];

/** What one tunnel's endpoint may still say. */
interface Line {
  readonly handler: TunnelHandler;
  phase: 'dialled' | 'open' | 'over';
  hasSpoken: boolean;
}

function run(steps: readonly Step[]): { admits: number; settles: number; learned: number; books: object } {
  const script = new ExchangeScript({ timeouts: { maxDurationMs: 5_000 }, endpoints: NAMES });
  const { clock, observer, router } = script;
  const entry = new TunnelEntry({ clock, random: new SeededRandom(1), instanceId: '', observer }, router);
  let [admits, settles, learned] = [0, 0, 0];
  const watched = new Set<object>();
  const watch = (): void => {
    for (const endpoint of script.cluster.endpoints) {
      if (watched.has(endpoint)) continue;
      watched.add(endpoint);
      const { gate } = endpoint;
      const [admit, settle, learn] = [gate.admit.bind(gate), gate.settle.bind(gate), endpoint.learn.bind(endpoint)];
      gate.admit = (now) => {
        const ticket = admit(now);
        if (ticket !== 0) admits += 1;
        return ticket;
      };
      gate.settle = (...proof) => {
        settles += 1;
        settle(...proof);
      };
      endpoint.learn = (...proof) => {
        learned += 1;
        learn(...proof);
      };
    }
  };
  watch();
  const clients: (TunnelClientHandler | null)[] = [];
  const lines: Line[] = [];
  const seen = new Map<readonly TunnelHandler[], number>();
  /** Who has dialled again, or is at its end, hears nothing of the connection before. */
  const alive = (): Line[] => {
    for (const { tunnels } of script.endpoints.values()) {
      for (const handler of tunnels.slice(seen.get(tunnels) ?? 0)) {
        for (const line of lines) if (line.handler === handler) line.phase = 'over';
        lines.push({ handler, phase: 'dialled', hasSpoken: false });
      }
      seen.set(tunnels, tunnels.length);
    }
    return lines.filter(({ phase, handler }) => phase !== 'over' && (handler as TunnelExchange).endedAt === 0);
  };
  const say = (at: number, phase: Line['phase'], words: (line: Line) => void): void => {
    const able = alive().filter((line) => line.phase === phase);
    if (able.length > 0) words(able[at % able.length]!);
  };
  for (const [kind, at] of steps) {
    switch (kind) {
      case 'open':
        clients.push(entry.open(new FakeTunnelClient(script)));
        break;
      case 'connect':
        say(at, 'dialled', (line) => {
          line.phase = 'open';
          line.handler.onConnected();
        });
        break;
      case 'refuse':
        say(at, 'dialled', (line) => {
          line.phase = 'over';
          line.handler.onFailure('connect_refused');
        });
        break;
      case 'byte':
        say(at, 'open', (line) => {
          if (!line.hasSpoken) line.handler.onFirstByteDown();
          line.hasSpoken = true;
        });
        break;
      case 'end':
      case 'reset':
        say(at, 'open', (line) => {
          line.phase = 'over';
          line.handler.onClose(1, 1, 0, kind === 'end' ? null : 'upstream_reset');
        });
        break;
      case 'leave': {
        const index = at % Math.max(1, clients.length);
        clients[index]?.onClientGone('client_gone');
        clients[index] = null;
        break;
      }
      case 'wait':
        clock.advance(at);
        break;
      case 'exhaust':
        for (const name of NAMES) script.endpoint(name).isExhausted = at % 2 === 0;
        break;
      case 'discover':
        script.discover(NAMES.filter((_, i) => (at >> i) % 2 === 1));
        watch();
        break;
    }
    alive();
    expect(settles).toBeLessThanOrEqual(admits);
    expect(learned).toBeLessThanOrEqual(settles);
  }
  for (const client of clients) client?.onClientGone('client_gone');
  return { admits, settles, learned, books: script.books() };
}

it('settles every connection once, whatever happens in whatever order, and leaves nothing armed', () => {
  const kind = fc.oneof(...STEPS.map((one) => ({ weight: WEIGHTS[one], arbitrary: fc.constant(one) })));
  const step = fc.tuple(kind, fc.integer({ min: 0, max: 1_500 }));
  let dialled = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 80 }), (steps) => {
      const { admits, settles, books } = run(steps);
      dialled += admits;
      expect(settles).toBe(admits);
      expect(books).toEqual({ admitted: 0, active: 0, parked: 0, timers: 0 });
    }),
    { numRuns: 300 },
  );
  expect(dialled).toBeGreaterThan(500);
});
