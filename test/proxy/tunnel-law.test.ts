import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { FailureCode } from '../../src/base/failure.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { Tunnel, TunnelClientHandler, TunnelHandler } from '../../src/http/conduit.ts';
import { type Door, OPEN_DOOR } from '../../src/policy/door.ts';
import { FaultList } from '../../src/policy/fault-list.ts';
import { TunnelEntry } from '../../src/proxy/tunnel.ts';
import { RequestMatch } from '../../src/route/request-match.ts';
import { ExchangeScript, FakeTunnelClient } from '../support/exchange-script.ts';

const MAX_REQUESTS = 3;
const MAX_PENDING = 3;
const NAMES = {
  none: [],
  one: ['a=replica'],
  two: ['a=primary', 'b=replica'],
  three: ['a=replica', 'b=primary', 'c=replica'],
} as const;

const happening = fc.record({
  kind: fc.constantFrom(
    ...(['open', 'open', 'open', 'dial', 'dial', 'dial', 'dial', 'gone', 'wait', 'wait', 'turn'] as const),
    ...(['connections', 'discover', 'limits'] as const),
  ),
  how: fc.constantFrom(...(['connected', 'connected', 'refused', 'lost', 'byte', 'closed', 'reset'] as const)),
  names: fc.constantFrom(...(['none', 'one', 'two', 'three'] as const)),
  which: fc.nat(1_000),
  ms: fc.constantFrom(10, 60, 300, 700, 2_000),
});

/** The client of one connection, which checks what it is told. */
class Opened {
  state: 'waiting' | 'spliced' | 'over' = 'waiting';
  readonly handler: TunnelClientHandler;

  constructor(script: ExchangeScript, entry: TunnelEntry) {
    const client = new FakeTunnelClient(script);
    Object.assign(client, {
      splice: (tunnel: Tunnel) => {
        expect(this.state).toBe('waiting');
        this.state = 'spliced';
        const cut = tunnel.cut.bind(tunnel);
        Object.assign(tunnel, {
          cut: (code: FailureCode) => {
            this.state = 'over';
            cut(code);
          },
        });
      },
      refuse: () => {
        expect(this.state, 'a connection is refused once, and never after its splice').toBe('waiting');
        this.state = 'over';
      },
    });
    this.handler = entry.open(client);
  }
}

it('closes all books and ends each connection once, with everything on and whatever happens', () => {
  const seen = { spliced: 0, line: 0, held: 0, faults: 0, retried: 0 };
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.constantFrom(0, 2_000),
      fc.array(happening, { minLength: 20, maxLength: 80, size: 'max' }),
      (hasRoles, share, happenings) => {
        const script = new ExchangeScript({
          ...(hasRoles ? { roles: { read: 'primary', hold: { timeMs: 500, requests: 2 } } } : {}),
          endpoints: hasRoles ? NAMES.two : ['a', 'b'],
          limits: { maxRequests: MAX_REQUESTS, maxPending: MAX_PENDING, pendingTimeoutMs: 300, maxParked: 2 },
          breaker: { consecutiveFailures: 3, coolDownMs: 200, maxCoolDownMs: 400 },
          adaptive: { mode: 'enforce' },
          timeouts: { maxDurationMs: 5_000 },
          faults: (clock) => {
            const match = { path: null, headers: [], callers: [] };
            const untilMs = clock.wallMs() + 20_000;
            const effects = [{ kind: 'delay', delayMs: 200, header: null }, { kind: 'reset' }] as const;
            const list = effects.map((effect) => ({ effect, share, match, maxActive: 2, untilMs }));
            return new FaultList(list, (one) => new RequestMatch(one.match), {
              now: clock.now(),
              wallMs: clock.wallMs(),
            });
          },
        });
        let inside = 0;
        const door: Door = {
          ...OPEN_DOOR,
          enter: () => {
            inside += 1;
            return null;
          },
          leave: () => {
            inside -= 1;
          },
        };
        Object.assign(script.plan, { door });
        const { clock, observer, router } = script;
        const entry = new TunnelEntry({ clock, random: new SeededRandom(1), instanceId: '', observer }, router);
        const opened: Opened[] = [];
        const dials = new Map<TunnelHandler, 'dialling' | 'connected' | 'over'>();
        let closed = 0;
        const look = (): void => {
          for (const { tunnels } of script.endpoints.values()) {
            // One tunnel dials again with the same handler: its newest dial is the one that counts.
            for (const handler of tunnels.splice(0)) dials.set(handler, 'dialling');
          }
          closed += script.take().filter((line) => line.includes('tunnel closed')).length;
          expect(script.admission.inFlight).toBeLessThanOrEqual(MAX_REQUESTS);
          expect(script.line.size).toBeLessThanOrEqual(MAX_PENDING);
        };
        const over = (handler: TunnelHandler): boolean => {
          const client = opened.find((one) => one.handler === (handler as unknown as TunnelClientHandler));
          return client === undefined || client.state === 'over';
        };
        for (const { kind, how, names, which, ms } of happenings) {
          if (kind === 'open') opened.push(new Opened(script, entry));
          else if (kind === 'wait') clock.advance(ms);
          else if (kind === 'turn') script.endTurn();
          else if (kind === 'discover') script.discover(hasRoles ? NAMES[names] : NAMES[names].map((name) => name[0]!));
          else if (kind === 'limits') {
            script.admission.reconfigure(1 + (which % MAX_REQUESTS));
            script.line.roomMade();
          } else if (kind === 'connections') {
            const endpoint = [...script.endpoints.values()][which % script.endpoints.size];
            if (endpoint !== undefined) endpoint.isExhausted = !endpoint.isExhausted;
          } else if (kind === 'gone') {
            const open = opened.filter(({ state }) => state !== 'over');
            const one = open[which % Math.max(1, open.length)];
            // Of one that is spliced, the splice tells.
            if (one !== undefined && one.state === 'waiting') {
              one.state = 'over';
              one.handler.onClientGone('client_gone');
            }
          } else {
            const running = [...dials].filter(([handler, state]) => state !== 'over' && !over(handler));
            const [handler, state] = running[which % Math.max(1, running.length)] ?? [null, 'over'];
            if (handler === null) continue;
            const client = opened.find((one) => one.handler === (handler as unknown as TunnelClientHandler))!;
            if (state === 'dialling' && how === 'connected') {
              dials.set(handler, 'connected');
              handler.onConnected();
              if (client.state === 'spliced') seen.spliced += 1;
            } else if (state === 'dialling' && (how === 'refused' || how === 'lost')) {
              dials.set(handler, 'over');
              handler.onFailure('connect_refused');
              seen.retried += 1;
            } else if (client.state === 'spliced' && how === 'byte') handler.onFirstByteDown();
            else if (client.state === 'spliced' && (how === 'closed' || how === 'reset')) {
              dials.set(handler, 'over');
              client.state = 'over';
              handler.onClose(1, 1, 0, how === 'closed' ? null : 'upstream_reset');
            }
          }
          look();
        }
        for (let turns = 0; turns < 20; turns++) {
          clock.advance(500);
          script.endTurn();
          look();
        }
        expect(script.books()).toEqual({ admitted: 0, active: 0, parked: 0, timers: 0 });
        expect([inside, closed]).toEqual([0, opened.length]);
        expect(script.plan.faults.inForce(0).every(({ active }) => active === 0)).toBe(true);
        seen.line += script.line.entered;
        seen.held += script.hold.held;
        seen.faults += script.plan.faults.counts.delay + script.plan.faults.counts.reset;
      },
    ),
    { numRuns: 400 },
  );
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(10);
});
