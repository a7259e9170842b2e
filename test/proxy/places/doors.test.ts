import { describe, expect, it } from 'vitest';
import type { FailureCode } from '../../../src/base/failure.ts';
import type { Edits } from '../../../src/http/edits.ts';
import type { Door, Visit } from '../../../src/policy/door.ts';
import type { Evidence } from '../../../src/policy/evidence.ts';
import type { Spread } from '../../../src/proxy/plan.ts';
import { SpreadScript } from '../../support/spread-script.ts';

/** A rate limit of so many requests, and what it heard of those that came in. */
class Turnstile implements Door {
  readonly outcomes: string[] = [];
  entered = 0;

  constructor(private readonly most: number) {}

  enter(_head: unknown, _peer: unknown, visit: Visit): FailureCode | null {
    visit.isMarked = true;
    if (this.entered < this.most) {
      this.entered += 1;
      return null;
    }
    visit.retryAfterMs = 2_500;
    return 'rate_limited';
  }

  leave(_visit: Visit, { outcome }: Evidence): void {
    this.outcomes.push(outcome);
  }

  mark(_visit: Visit, edits: Edits): void {
    edits.append('ratelimit', 'told');
  }
}

function behind(kind: Spread['kind'], most = 1) {
  const script = new SpreadScript(kind, ['a', 'b', 'c'], { retry: { maxAttempts: 1 } });
  const door = new Turnstile(most);
  Object.assign(script.plan, { door });
  return { script, door };
}

describe('a request to several places', () => {
  it('passes the door once, and its answer says so', () => {
    for (const kind of ['first', 'all'] as const) {
      const { script, door } = behind(kind);
      script.enter().request();
      for (const name of ['c', 'b', 'a']) if (!script.at(name).isAborted) script.at(name).answer(200);
      expect(script.take()).toContain('0 client head 200 ratelimit: told');
      expect([door.entered, ...door.outcomes]).toEqual([1, 'success']);
      expect(script.books()).toMatchObject({ admitted: 0, active: 0, timers: 0 });
    }
  });

  it('is nobody else to ask when it is turned away', () => {
    const { script, door } = behind('first', 0);
    script.enter().request();
    expect(script.take()).toEqual(['0 client local 429 rate_limited', '0 client finish true']);
    expect(script.local).toMatchObject({ 'retry-after': '3', ratelimit: 'told' });
    expect(script.records).toMatchObject([{ status: 429, code: 'rate_limited', attempts: [] }]);
    expect(door.outcomes).toEqual([]);
  });

  it('has failed when all must succeed and one has not', () => {
    const { script, door } = behind('all');
    script.enter().request();
    script.at('b').answer(200);
    script.at('c').answer(503);
    script.clock.advance(2_000);
    expect(door.outcomes).toEqual(['failure']);
  });
});

it('has its second write made whatever the limits on clients say', () => {
  const { script, door } = behind('dual_write');
  script.enter().request({ method: 'POST' });
  script.at('a').answer(200);
  expect(script.at('b')).toBeDefined();
  script.at('b').answer(200);
  expect(door.entered).toBe(1);
  expect(script.records).toMatchObject([{ status: 200 }]);
});
