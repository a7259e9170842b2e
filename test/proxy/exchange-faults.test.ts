import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { FaultEffect, FaultOptions } from '../../src/policy/fault.ts';
import { FaultList } from '../../src/policy/fault-list.ts';
import { TunnelExchange } from '../../src/proxy/tunnel.ts';
import { RequestMatch } from '../../src/route/request-match.ts';
import {
  ExchangeScript,
  FakeTunnelClient,
  requestHead,
  responseHead,
  type ScriptOptions,
} from '../support/exchange-script.ts';

const CLOSED = { admitted: 0, active: 0, parked: 0, timers: 0 };
const DELAY: FaultEffect = { kind: 'delay', delayMs: 200, header: null };
const ABORT: FaultEffect = { kind: 'abort', status: 418, grpcStatus: 9 };
const RESET: FaultEffect = { kind: 'reset' };

function under(effects: readonly FaultEffect[], more: Partial<FaultOptions> = {}, options: ScriptOptions = {}) {
  const match = { path: null, headers: [], callers: [] };
  let list!: FaultList;
  const script = new ExchangeScript({
    endpoints: ['a'],
    ...options,
    faults: (clock) => {
      const [now, wallMs] = [clock.now(), clock.wallMs()];
      const all = effects.map((effect) => ({
        effect,
        share: 10_000,
        match,
        maxActive: 5,
        untilMs: wallMs + 60_000,
        ...more,
      }));
      list = new FaultList(all, (one) => new RequestMatch(one.match), { now, wallMs });
      return list;
    },
  });
  return { script, list, a: () => script.endpoint('a').last };
}

describe('a request under a fault', () => {
  it('waits before anything is done with it, and its answer says so', () => {
    const { script, a } = under([DELAY]);
    const client = script.open();
    client.handler.onRequest(requestHead({ method: 'POST', body: 'length', contentLength: 2 }));
    expect(client.handler.onRequestBody(Buffer.from('ab'))).toBe(false);
    client.handler.onRequestEnd(null);
    expect(script.take()).toEqual([]);
    expect(script.books()).toMatchObject({ admitted: 0, active: 0 });
    script.clock.advance(200);
    a().answer(200);
    expect(script.take()).toEqual([
      '200 a send POST /',
      '200 a body ab',
      '200 a end',
      '200 client head 200 x-remora-fault: delay',
      '200 client end',
      '200 client finish true',
    ]);
    expect(script.records).toMatchObject([{ status: 200, code: null, fault: 'delay', attempts: ['a 200 success'] }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is aborted without an endpoint, after its delay', () => {
    const { script, list } = under([ABORT, DELAY]);
    script.open().request();
    script.clock.advance(200);
    expect(script.take()).toEqual(['200 client local 418 fault_injected', '200 client finish true']);
    expect(script.records).toMatchObject([
      { status: 418, code: 'fault_injected', fault: 'delay, abort', attempts: [] },
    ]);
    expect(list.counts).toMatchObject({ delay: 1, abort: 1 });
    expect(script.books()).toEqual(CLOSED);
  });

  it('that is a call of gRPC is aborted with the status for calls', () => {
    const { script } = under([ABORT]);
    script.open().request({ method: 'POST', version: '2', fields: { 'content-type': 'application/grpc' } });
    expect(script.records).toMatchObject([{ status: 200, grpcStatus: 9, code: 'fault_injected' }]);
  });

  it('loses its connection', () => {
    const { script } = under([RESET]);
    script.open().request();
    expect(script.take()).toEqual(['0 client finish false']);
    expect(script.records).toMatchObject([{ status: 0, code: 'fault_injected', fault: 'reset' }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('may go, or run out of time, while it is held', () => {
    const { script, list } = under(
      [{ ...DELAY, delayMs: 5_000 } as FaultEffect],
      { maxActive: 2 },
      { timeouts: { requestMs: 1_000 } },
    );
    const gone = script.open();
    gone.request();
    script.open().request();
    gone.handler.onClientGone('client_gone');
    script.clock.advance(1_000);
    expect(script.records.map(({ code }) => code)).toEqual(['client_gone', 'deadline_exceeded']);
    expect(script.books()).toEqual(CLOSED);
    script.open().request();
    script.open().request();
    expect(list.counts).toMatchObject({ delay: 4, skipped: 0 });
  });

  it('gets its answer no faster than its bandwidth, by holding back the endpoint', () => {
    const { script, a } = under([{ kind: 'bandwidth', bytesPerSecond: 1_000 }]);
    const client = script.open();
    client.request();
    a().handler.onHead(responseHead(200, 'chunked'));
    expect(a().handler.onBody(Buffer.alloc(500, 'x'))).toBe(false);
    script.take();
    client.handler.onClientDrain();
    script.clock.advance(490);
    expect(script.take()).toEqual([]);
    script.clock.advance(20);
    expect(script.take()).toEqual([expect.stringMatching(/a resume$/)]);
    expect(a().handler.onBody(Buffer.alloc(5, 'x'))).toBe(true);
    a().handler.onEnd(null);
    expect(script.records).toMatchObject([{ responseBytes: 505, fault: 'bandwidth', attempts: ['a 200 success'] }]);
    expect(script.books()).toEqual(CLOSED);
  });

  it('that is too slow by its own bandwidth is no fault of the endpoint', () => {
    const { script, a } = under(
      [{ kind: 'bandwidth', bytesPerSecond: 1_000 }],
      {},
      { timeouts: { streamIdleMs: 2_000, attemptMs: 0 } },
    );
    script.open().request();
    a().handler.onHead(responseHead(200, 'chunked'));
    a().handler.onBody(Buffer.alloc(10_000, 'x'));
    script.clock.advance(2_000);
    expect(script.records).toMatchObject([{ status: 200, code: 'fault_injected' }]);
    expect(script.records[0]!.attempts[0]).toMatch(/(success|ignored)$/);
    expect(script.books()).toEqual(CLOSED);
  });

  it('is let alone from the instant at which the fault ends', () => {
    const { script, a } = under([RESET]);
    const client = script.open();
    script.clock.advance(59_990);
    client.request();
    script.clock.advance(10);
    script.open().request();
    a().answer(200);
    expect(script.records.map(({ code }) => code)).toEqual(['fault_injected', null]);
  });
});

describe('an opaque connection under a fault', () => {
  const open = (script: ExchangeScript): TunnelExchange => {
    const { clock, observer } = script;
    const context = { clock, random: new SeededRandom(3), instanceId: '', observer };
    const tunnel = new TunnelExchange(context, script.plan, new FakeTunnelClient(script));
    tunnel.start();
    return tunnel;
  };

  it('waits, and then goes on or is reset', () => {
    const delayed = under([DELAY]);
    const tunnel = open(delayed.script);
    delayed.script.clock.advance(200);
    expect(delayed.script.take()).toEqual(['200 a dial']);
    tunnel.onClientGone('client_gone');
    const gone = open(delayed.script);
    gone.onClientGone('client_gone');
    expect(delayed.script.books()).toEqual(CLOSED);
    expect(tunnel.fault).toBe('delay');

    const { script } = under([RESET, DELAY]);
    open(script);
    script.clock.advance(200);
    expect(script.take()).toEqual(['200 client refuse', '200 tunnel closed fault_injected up=0 down=0 attempts=0']);
    expect(script.books()).toEqual(CLOSED);
  });
});
