import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { Client } from '../../src/http/conduit.ts';
import { DEFAULT_OVERLOAD, OverloadGuard, type OverloadOptions } from '../../src/policy/overload-guard.ts';
import { DEFAULT_THROTTLE } from '../../src/policy/throttle.ts';
import { TunnelEntry } from '../../src/proxy/tunnel.ts';
import { type DoorOptions, makeDoors, NO_DOORS } from '../../src/route/doors/doors.ts';
import type { RateLimitOptions } from '../../src/route/doors/options.ts';
import {
  ExchangeScript,
  type FakeClient,
  FakeTunnelClient,
  type RequestText,
  type ScriptOptions,
} from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const LIMIT: RateLimitOptions = {
  name: 'all',
  requests: 2,
  windowMs: 1000,
  burst: 2,
  mode: 'enforce',
  by: null,
  maxKeys: 10,
  path: null,
  methods: null,
  tells: 'limited',
};
const ENFORCED: OverloadOptions = { ...DEFAULT_OVERLOAD, loop: { mode: 'enforce', start: 200, full: 1000 } };

function behind(options: Partial<DoorOptions>, script: ScriptOptions = {}) {
  const made = new ExchangeScript({ endpoints: ['a'], ...script });
  const random = new SeededRandom(1);
  const guard = new OverloadGuard(ENFORCED, random, { onPressure: () => undefined });
  const door = makeDoors(guard, { ...NO_DOORS, ...options }, random, null);
  made.plan = { ...made.plan, door };
  const client = made.open();
  tellFields(made, client);
  return { script: made, client, door, guard };
}

/** What is added to answers of our own is said, too. */
function tellFields(script: ExchangeScript, client: FakeClient): void {
  const tell: Client['sendLocal'] = ({ status, code }, edits) => {
    const added = edits.names.slice(0, edits.addedCount).map((name, i) => `${name}: ${edits.values[i]}`);
    script.say([`client local ${status} ${code}`, ...added.slice(1), ...(edits.closes ? ['close'] : [])].join(', '));
  };
  Object.assign(client, { sendLocal: tell });
}

/** The whole of one exchange, if it comes as far as an endpoint. */
function serve(script: ExchangeScript, client: FakeClient, status = 200, text: RequestText = {}): string {
  const before = script.endpoint('a').upstreams.length;
  client.request(text);
  if (script.endpoint('a').upstreams.length > before) script.endpoint('a').last.answer(status);
  return script.take().find((line) => /client (head|local)/.test(line))!;
}

describe('an exchange at its doors', () => {
  it('ends beyond a rate limit before it costs anything, and says when to come again', () => {
    const { script, client } = behind({ rateLimits: [LIMIT] });
    expect([1, 2, 3].map(() => serve(script, client))).toEqual([
      '0 client head 200',
      '0 client head 200',
      '0 client local 429 rate_limited, retry-after: 1, ratelimit-policy: "all";q=2;w=1, ratelimit: "all";r=0;t=1',
    ]);
    expect(script.admission.admissions).toBe(2);
    expect(script.books()).toEqual(CLOSED);
    script.clock.advance(500);
    expect(serve(script, client)).toBe('500 client head 200');
  });

  it('tells gRPC in its own words', () => {
    const { script, client } = behind({ rateLimits: [{ ...LIMIT, requests: 1, burst: 1 }] });
    const call = { method: 'POST', version: '2', fields: { 'content-type': 'application/grpc' } };
    serve(script, client, 200, call);
    expect(serve(script, client, 200, call)).toBe(
      '0 client local 429 rate_limited, retry-after: 1, grpc-retry-pushback-ms: 1000, ratelimit-policy: "all";q=1;w=1, ratelimit: "all";r=0;t=1',
    );
  });

  it('tells every answer how it stands, where it is told to', () => {
    const { script, client } = behind({ rateLimits: [{ ...LIMIT, tells: 'all' }] });
    expect(serve(script, client)).toBe('0 client head 200 ratelimit-policy: "all";q=2;w=1 ratelimit: "all";r=1;t=1');
  });

  it('is held back when most of those before it have failed, and its own refusals teach nothing', () => {
    const throttle = { ...DEFAULT_THROTTLE, mode: 'enforce', minPerSecond: 0 } as const;
    const breaker = { consecutiveFailures: 0, failureRatio: 0 };
    const { script, client, door } = behind({ throttle }, { retry: { maxAttempts: 1 }, breaker });
    for (let i = 0; i < 500; i++) serve(script, client, 503);
    const { enforced } = door.throttle.counts;
    expect(enforced).toBeGreaterThan(350);
    expect(script.records.filter(({ code }) => code === 'throttled')).toHaveLength(enforced);
    expect(script.endpoint('a').upstreams).toHaveLength(500 - enforced);
    script.clock.advance(33_000);
    expect(serve(script, client)).toContain('client head 200');
    expect(door.throttle.ratio(script.clock.now())).toBe(0);
  });

  it('counts once, as it ended, whatever it took', () => {
    const throttle = { ...DEFAULT_THROTTLE, mode: 'enforce', minPerSecond: 0 } as const;
    const { script, client, door } = behind({ throttle }, { endpoints: ['a', 'b'], retry: { backoffMs: 1 } });
    client.request();
    const first = script.endpoint('a').upstreams.length > 0 ? 'a' : 'b';
    script.endpoint(first).last.answer(503);
    script.clock.advance(50);
    script.endpoint(first === 'a' ? 'b' : 'a').last.answer(200);
    expect(door.throttle.ratio(script.clock.now())).toBe(0);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is refused while the process has too much to do, and its connection may have to go', () => {
    const { script, client, guard } = behind({});
    for (let i = 0; i < 5; i++) guard.sample(900, 0, 0.9, 1000 + i);
    expect(serve(script, client)).toBe('0 client local 503 sidecar_overloaded, retry-after: 1, close');
    expect(guard.enforced).toEqual([0, 1, 0, 0]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('takes no token when the process turns it away', () => {
    const { script, client, guard, door } = behind({ rateLimits: [LIMIT] });
    for (let i = 0; i < 5; i++) guard.sample(900, 0, 0, 1000 + i);
    for (let i = 0; i < 10; i++) serve(script, client);
    expect(door.limits.all[0]!.keys).toBe(0);
  });
});

it('an opaque connection is let in as often as a request', () => {
  const { script } = behind({ rateLimits: [LIMIT] });
  const { clock, observer, router } = script;
  const entry = new TunnelEntry(
    { clock, random: new SeededRandom(3), instanceId: '0123456789abcdef', observer },
    router,
  );
  for (let i = 0; i < 3; i++) entry.open(new FakeTunnelClient(script));
  expect(script.take()).toEqual([
    '0 a dial',
    '0 a dial',
    '0 client refuse',
    '0 tunnel closed rate_limited up=0 down=0 attempts=0',
  ]);
});
