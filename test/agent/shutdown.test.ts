import { describe, expect, it } from 'vitest';
import { outboundTraffic, type Port, type Stoppable, shutDown } from '../../src/agent/shutdown.ts';
import { sleep } from '../../src/base/sleep.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

const never = new AbortController().signal;

/** A program without sockets; its log is the order in which things happen, with the time since the beginning. */
function program(options: { readonly leaveTakesMs?: number; readonly inbound?: boolean } = {}) {
  const clock = new ManualClock();
  const log: string[] = [];
  const note = (what: string): void => void log.push(`${clock.now() - 1000} ${what}`);
  const port = (name: string): Port & { openCount: number; tunnelCount: number } => ({
    openCount: 0,
    tunnelCount: 0,
    farewell: () => note(`farewell ${name}`),
    drain: () => note(`drain ${name}`),
    expire() {
      if (this.openCount > 0) note(`expire ${name}`);
    },
  });
  const inbound = port('inbound');
  const outbound = port('outbound');
  const traffic = { progress: 0, inFlight: 0 };
  const stoppable: Stoppable = {
    leave: async () => {
      await sleep(clock, options.leaveTakesMs ?? 0, never);
      note('left');
    },
    inbound: (options.inbound ?? true) ? inbound : null,
    outbound: () => [outbound],
    outboundTraffic: () => traffic,
    finish: async (remainingMs) => note(`finish within ${remainingMs}`),
  };
  const processLog = {
    info: () => undefined,
    warn: (event: string, fields: object = {}) => note(`${event} ${JSON.stringify(fields)}`),
    error: () => undefined,
  };
  const done = shutDown(stoppable, { propagationMs: 5_000, timeoutMs: 30_000 }, clock, processLog);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 25) {
      clock.advance(Math.min(25, left));
      await settled();
    }
  };
  return { log, inbound, outbound, traffic, done, pass };
}

describe('shutDown', () => {
  it('tells peers, serves on, then closes inbound, outbound after a quiet second, and finishes', async () => {
    const { log, pass, done } = program();
    await pass(10_000);
    await done;
    expect(log.map((line) => line.replace(/^\d+ /, ''))).toEqual([
      'left',
      'farewell inbound',
      'drain inbound',
      'farewell outbound',
      'drain outbound',
      expect.stringMatching(/^finish/),
    ]);
    const [, farewellAt, inboundAt, , outboundAt] = log.map(Number.parseFloat);
    expect(farewellAt).toBeGreaterThanOrEqual(2_500);
    expect(farewellAt).toBeLessThan(2_600);
    expect(inboundAt).toBeGreaterThanOrEqual(5_000);
    expect(outboundAt! - inboundAt!).toBeGreaterThanOrEqual(1_000);
    expect(outboundAt).toBeLessThan(6_200);
  });

  it('gives peers the whole time from when they were told, however long that took', async () => {
    const { log, pass, done } = program({ leaveTakesMs: 3_000 });
    await pass(12_000);
    await done;
    const [leftAt, , inboundAt] = log.map(Number.parseFloat);
    expect(inboundAt! - leftAt!).toBeGreaterThanOrEqual(5_000);
  });

  it('keeps outbound open while inbound has connections and while calls go out', async () => {
    const { log, inbound, traffic, pass, done } = program();
    inbound.openCount = 1;
    await pass(8_000);
    expect(log.at(-1)).toContain('drain inbound');
    inbound.openCount = 0;
    for (let i = 0; i < 4; i++) {
      traffic.progress += 1;
      await pass(800);
    }
    expect(log.at(-1)).toContain('farewell outbound');
    traffic.inFlight = 1;
    await pass(3_000);
    expect(log.at(-1)).toContain('farewell outbound');
    traffic.inFlight = 0;
    await pass(2_000);
    await done;
    expect(log.at(-2)).toContain('drain outbound');
  });

  it('waits for requests that have outlived their connections', async () => {
    const { log, traffic, outbound, pass, done } = program({ inbound: false });
    outbound.openCount = 1;
    await pass(2_000);
    expect(log.at(-1)).toContain('drain outbound');
    traffic.inFlight = 1;
    outbound.openCount = 0;
    await pass(2_000);
    expect(log.at(-1)).toContain('drain outbound');
    traffic.inFlight = 0;
    await pass(100);
    await done;
    expect(log.at(-1)).toContain('finish');
  });

  it('cuts what is left five seconds before the end, so that there is time for the farewell', async () => {
    const { log, inbound, outbound, pass, done } = program();
    inbound.openCount = 2;
    outbound.openCount = 1;
    await pass(25_100);
    await done;
    expect(log.slice(-4).map((line) => line.replace(/\d{2,}/g, '#'))).toEqual([
      '# shutdown_cuts_connections {"connections":3}',
      '# expire outbound',
      '# expire inbound',
      '# finish within #',
    ]);
    expect(Number.parseFloat(log.at(-1)!)).toBeLessThan(25_200);
  });

  it('has only the calls of the application to wait for where there is no inbound port', async () => {
    const { log, pass, done } = program({ inbound: false });
    await pass(2_000);
    await done;
    expect(Number.parseFloat(log.at(-1)!)).toBeLessThan(1_300);
  });
});

describe('outbound traffic', () => {
  it('has no requests in flight while tunnels are all that is open, whichever port they came by', () => {
    const upstreams = [
      { admissions: 5, inFlight: 1 },
      { admissions: 2, inFlight: 2 },
    ];
    const shared = { tunnelBytes: 10, tunnelCount: 2 };
    const leaving = { tunnelBytes: 30, tunnelCount: 1 };
    expect(outboundTraffic(upstreams, [shared, leaving])).toEqual({ progress: 47, inFlight: 0 });
    expect(outboundTraffic(upstreams, [shared])).toEqual({ progress: 17, inFlight: 1 });
  });

  it('has none either when tunnels are refused before they are admitted', () => {
    expect(outboundTraffic([], [{ tunnelBytes: 0, tunnelCount: 1 }])).toEqual({ progress: 0, inFlight: 0 });
  });
});
