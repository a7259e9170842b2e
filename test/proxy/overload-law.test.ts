import { describe, expect, it } from 'vitest';
import { ExchangeScript, type FakeUpstream, type ScriptOptions } from '../support/exchange-script.ts';

/** What the endpoint can do, and what it is offered. */
const PLACES = 20;
const WORK_MS = 50;
const CAPACITY_PER_SECOND = (PLACES * 1_000) / WORK_MS;
const OFFERED_PER_SECOND = 3 * CAPACITY_PER_SECOND;
const SECONDS = 20;
/** Before that nothing is measured: what is learned takes a while. */
const SETTLED_MS = 2_000;
const PENDING_MS = 500;

interface Outcome {
  /** Successes per second. */
  readonly goodput: number;
  /** From the request to its being sent, of those that were sent. */
  readonly longestWaitMs: number;
  readonly medianWaitMs: number;
  /** At the endpoint, from being sent to the answer. */
  readonly longestAnswerMs: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** An endpoint that serves `PLACES` at a time and lets the others queue, behind the whole data path. */
function overload(options: ScriptOptions): Outcome {
  const script = new ExchangeScript({
    endpoints: ['a'],
    ...options,
    limits: { maxPending: 200, pendingTimeoutMs: PENDING_MS, ...options.limits },
  });
  const { clock } = script;
  const startedAt = clock.now();
  const endpoint = script.endpoint('a');
  const arrivals: number[] = [];
  const waits: number[] = [];
  const queue: { upstream: FakeUpstream; sentAt: number }[] = [];
  const working: { upstream: FakeUpstream; sentAt: number; doneAt: number }[] = [];
  let sent = 0;
  let served = 0;
  let longestAnswerMs = 0;

  const isSettled = (): boolean => clock.now() - startedAt >= SETTLED_MS;
  const look = (): void => {
    script.endTurn();
    for (const line of script.take()) {
      const found = / a send GET \/(\d+)/.exec(line);
      if (found === null) continue;
      if (isSettled()) waits.push(clock.now() - arrivals[Number(found[1])]!);
      queue.push({ upstream: endpoint.upstreams[sent++]!, sentAt: clock.now() });
    }
    while (working.length < PLACES && queue.length > 0) {
      working.push({ ...queue.shift()!, doneAt: clock.now() + WORK_MS });
    }
  };

  for (let n = 0; n < SECONDS * OFFERED_PER_SECOND; n++) {
    const nextAt = startedAt + (n * 1_000) / OFFERED_PER_SECOND;
    while (working.length > 0 && working[0]!.doneAt <= nextAt) {
      const { upstream, sentAt, doneAt } = working.shift()!;
      clock.advance(doneAt - clock.now());
      upstream.answer(200);
      if (isSettled()) {
        served += 1;
        longestAnswerMs = Math.max(longestAnswerMs, clock.now() - sentAt);
      }
      look();
    }
    clock.advance(nextAt - clock.now());
    arrivals.push(clock.now());
    script.open().request({ path: `/${n}` });
    look();
  }
  const failures: Record<string, number> = {};
  for (const { code } of script.records) if (code !== null) failures[code] = (failures[code] ?? 0) + 1;
  waits.sort((a, b) => a - b);
  return {
    goodput: served / (SECONDS - SETTLED_MS / 1_000),
    longestWaitMs: waits.at(-1)!,
    medianWaitMs: waits[Math.floor(waits.length / 2)]!,
    longestAnswerMs,
    failures,
  };
}

describe('an endpoint that serves 20 at a time for 50 ms each, offered three times that', () => {
  it.each([
    ['as many requests as it has places, and a line', { limits: { maxRequests: PLACES } }],
    ['a learned limit and a line', { adaptive: { mode: 'enforce' } }],
    ['a learned limit alone', { adaptive: { mode: 'enforce' }, limits: { maxPending: 0 } }],
  ] as const)('does what it can with %s, and nobody who is let in waits for long', (_title, options) => {
    const { goodput, longestWaitMs, longestAnswerMs, failures } = overload(options);
    expect(goodput).toBeGreaterThanOrEqual(0.9 * CAPACITY_PER_SECOND);
    // Timers fire in steps of 10 ms.
    expect(longestWaitMs).toBeLessThanOrEqual(PENDING_MS + 10);
    expect(longestAnswerMs).toBeLessThanOrEqual(3 * WORK_MS);
    const known = ['overloaded', 'pending_timeout', 'concurrency_limited'];
    expect(Object.keys(failures).filter((code) => !known.includes(code))).toEqual([]);
  });

  it('would be slow for everybody without any of them', () => {
    const { longestAnswerMs } = overload({ limits: { maxPending: 0 }, timeouts: { attemptMs: 0, requestMs: 0 } });
    expect(longestAnswerMs).toBeGreaterThan(20 * WORK_MS);
  });

  it('serves the newest first, so that most of those who are let in hardly wait', () => {
    expect(overload({ limits: { maxRequests: PLACES } }).medianWaitMs).toBeLessThan(PENDING_MS / 2);
  });
});
