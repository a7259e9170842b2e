import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { BlockingQuery, type PollAnswer, type PollRequest } from '../../src/discovery/blocking-query.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

type Step = PollAnswer | Error;

/** Runs the loop over a script; `null` in the script hangs until the end. The log has requests and what they led to. */
async function follow(script: (n: number, request: PollRequest) => Step | null, hasRemedy = (): boolean => false) {
  const clock = new ManualClock();
  const ends = new AbortController();
  const log: string[] = [];
  const requests: PollRequest[] = [];
  const loop = new BlockingQuery(
    (request, signal) => {
      log.push(`${clock.now() - 1000} ask ${request.index}`);
      requests.push(request);
      const step = script(requests.length, request);
      if (step === null)
        return new Promise<never>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('cancelled'))),
        );
      return step instanceof Error ? Promise.reject(step) : Promise.resolve(step);
    },
    {
      onAnswer: (answer) => log.push(`data ${answer.print}`),
      onUnchanged: (answer) => log.push(`same ${answer.print}`),
      onPollProblem: (problem) => log.push(`problem ${problem}`),
    },
    clock,
    new SeededRandom(7),
    async () => hasRemedy(),
  );
  const done = loop.run(ends.signal);
  await settled();
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      clock.advance(Math.min(50, left));
      await settled();
    }
  };
  const stop = async (): Promise<void> => {
    ends.abort();
    await done;
  };
  return { clock, log, requests, pass, stop };
}

const answer = (index: number | null, print: string): PollAnswer => ({
  index: index === null ? null : BigInt(index),
  print,
});

describe('BlockingQuery', () => {
  it('reads once without blocking, then waits on the index it was given', async () => {
    const script = [answer(10, 'a'), answer(12, 'b')];
    const { log, requests, stop } = await follow((n) => script[n - 1] ?? null);
    expect(log).toEqual(['0 ask 0', 'data a', '0 ask 10', 'data b', '0 ask 12']);
    expect(requests[0]).toEqual({ index: 0n, waitMs: 0, timeoutMs: 10_000 });
    expect(requests[1]).toEqual({ index: 10n, waitMs: 60_000, timeoutMs: 60_000 + 3_750 + 10_000 });
    await stop();
  });

  it('only confirms when the answer says the same, whether or not the index moved', async () => {
    const script = [answer(10, 'a'), answer(10, 'a'), answer(11, 'a')];
    const { log, stop } = await follow((n) => script[n - 1] ?? null);
    expect(log).toEqual(['0 ask 0', 'data a', '0 ask 10', 'same a', '0 ask 10', 'same a', '0 ask 11']);
    await stop();
  });

  it('delivers a changed body even when the index stood still', async () => {
    const script = [answer(10, 'a'), answer(10, 'b')];
    const { log, stop } = await follow((n) => script[n - 1] ?? null);
    expect(log).toContain('data b');
    await stop();
  });

  it('starts over when the index goes backwards, and delivers what the plain read says', async () => {
    const script = [answer(50, 'a'), answer(7, 'stale'), answer(8, 'b')];
    const { log, stop } = await follow((n) => script[n - 1] ?? null);
    expect(log).toEqual(['0 ask 0', 'data a', '0 ask 50', '0 ask 0', 'data b', '0 ask 8']);
    await stop();
  });

  it('starts over after any error, because an index that is too high is deaf', async () => {
    const script = [answer(50, 'a'), new Error('ECONNRESET'), answer(9, 'b')];
    const { log, pass, stop } = await follow((n) => script[n - 1] ?? null);
    await pass(500);
    expect(log.slice(0, 4)).toEqual(['0 ask 0', 'data a', '0 ask 50', 'problem ECONNRESET']);
    expect(log.slice(4).map((line) => line.replace(/^\d+ /, ''))).toEqual(['ask 0', 'data b', 'ask 9']);
    await stop();
  });

  it('takes an answer without an index for an error, and goes on', async () => {
    const script = [answer(null, 'a'), answer(5, 'a')];
    const { log, pass, stop } = await follow((n) => script[n - 1] ?? null);
    await pass(500);
    expect(log[1]).toBe('problem the answer has no X-Consul-Index');
    expect(log).toContain('data a');
    await stop();
  });

  it('takes a zero index for one, so that the next read blocks', async () => {
    const script = [answer(0, 'a')];
    const { requests, stop } = await follow((n) => script[n - 1] ?? null);
    expect(requests[1]?.index).toBe(1n);
    await stop();
  });

  it('asks at most once a second when answers never block, after a small burst', async () => {
    for (const script of [
      () => answer(10, 'stuck'),
      (n: number) => answer(n, `churn ${n}`),
      (n: number) => answer(1_000_000 - n, `backwards ${n}`),
      () => answer(0, 'zero'),
    ]) {
      const { requests, pass, stop } = await follow(script);
      await pass(20_000);
      expect(requests.length).toBeGreaterThanOrEqual(20);
      expect(requests.length).toBeLessThanOrEqual(26);
      await stop();
    }
  });

  it('backs off with jitter from 0.2 s to 30 s, and quickly again after a success', async () => {
    let isDown = true;
    const { log, requests, pass, stop } = await follow((n) =>
      isDown ? new Error('refused') : n > 900 ? null : answer(n, 'up'),
    );
    await pass(600_000);
    // 600 s of a Consul that is away: a dozen quick tries, then about four a minute.
    expect(requests.length).toBeGreaterThan(20);
    expect(requests.length).toBeLessThan(70);
    const tries = log.filter((line) => line.includes('ask')).map((line) => Number(line.split(' ')[0]));
    const gaps = tries.slice(1).map((at, i) => at - tries[i]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30_050);
    expect(gaps[0]).toBeLessThanOrEqual(450);

    isDown = false;
    await pass(31_000);
    expect(log).toContain('data up');
    isDown = true;
    await pass(1_000);
    const since = log.length;
    await pass(1_000);
    expect(log.length).toBeGreaterThan(since);
    await stop();
  });

  it('asks twice a minute when asking again cannot help', async () => {
    for (const error of [
      new ConsulError('Consul answered 403: ACL not found', 403),
      new ConsulError('Consul answered 500: No path to datacenter', 500),
    ]) {
      const { requests, pass, stop } = await follow(() => error);
      await pass(120_000);
      expect(requests.length).toBeGreaterThanOrEqual(4);
      expect(requests.length).toBeLessThanOrEqual(7);
      await stop();
    }
  });

  it('asks again within a second when there is a remedy, and not before', async () => {
    let isMended = false;
    const denied = new ConsulError('Consul answered 403: ACL not found', 403);
    const { requests, pass, stop } = await follow(
      (n) => (n === 1 ? denied : null),
      () => isMended,
    );
    await pass(10_000);
    expect(requests.length).toBe(1);
    isMended = true;
    await pass(1_000);
    expect(requests.length).toBe(2);
    await stop();
  });

  it('backs off as ever when the failure is none that a remedy could mend', async () => {
    const { requests, pass, stop } = await follow(
      () => new Error('away'),
      () => true,
    );
    await pass(120_000);
    expect(requests.length).toBeLessThan(25);
    await stop();
  });

  it('treats a target that throws like any other error: said, and tried again', async () => {
    const clock = new ManualClock();
    const ends = new AbortController();
    const problems: string[] = [];
    let delivered = 0;
    const loop = new BlockingQuery(
      async () => answer(5, 'a'),
      {
        onAnswer: () => {
          delivered += 1;
          if (delivered === 1) throw new Error('listener broke');
        },
        onUnchanged: () => ends.abort(),
        onPollProblem: (problem) => problems.push(problem),
      },
      clock,
      new SeededRandom(1),
      async () => false,
    );
    const done = loop.run(ends.signal);
    await settled();
    clock.advance(1_000);
    await settled();
    await done;
    expect(problems).toEqual(['listener broke']);
    expect(delivered).toBe(2);
  });

  it('ends while it sleeps, waits or is throttled, and leaves no timer behind', async () => {
    for (const script of [() => null, () => new Error('away'), () => answer(3, 'x')]) {
      const { clock, pass, stop } = await follow(script);
      await pass(100);
      await stop();
      expect(clock.armed).toBe(0);
    }
  });
});
