import { describe, expect, it } from 'vitest';
import { AccessLog, type AccessLogMode } from '../../src/telemetry/access-log.ts';
import { LineSink } from '../../src/telemetry/line-sink.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { attemptRecord, callRecord, exchangeRecord, requestHead, tunnelRecord } from './records.ts';
import { nextTurn, StuckStream } from './stuck-stream.ts';

function setUp(mode: AccessLogMode) {
  const clock = new ManualClock();
  const stream = new StuckStream();
  const log = new AccessLog(new LineSink(stream, clock), clock, mode);
  const lines = async (): Promise<string[]> => {
    await nextTurn();
    stream.take();
    return stream.lines;
  };
  return { log, lines };
}

describe('AccessLog', () => {
  it('writes one line of JSON for an exchange', async () => {
    const { log, lines } = setUp('all');
    log.onExchangeClose(exchangeRecord());
    expect(await lines()).toEqual([
      '{"time":"2023-11-14T22:13:20.987Z","kind":"exchange","request_id":"req-1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",' +
        '"direction":"outbound","upstream":"orders","listener":"orders","client":"127.0.0.1:50000",' +
        '"method":"GET","authority":"orders:9001","path":"/items?id=7","version":"1.1","status":200,"grpc_status":null,"failure":null,' +
        '"duration_ms":12.5,"first_byte_ms":9,"connect_ms":2,"request_bytes":0,"response_bytes":42,"retries":0,' +
        '"attempts":[{"endpoint":"10.0.0.1:7001/orders-1","status":200,"grpc_status":null,"failure":null,"ms":9}]}',
    ]);
  });

  it('tells every attempt of a retried exchange', async () => {
    const { log, lines } = setUp('all');
    const failed = attemptRecord({
      host: '10.0.0.2',
      code: 'connect_refused',
      status: 0,
      connectedAt: 0,
      endedAt: 1002,
    });
    log.onExchangeClose(exchangeRecord({ attempts: [failed, attemptRecord({ ordinal: 2, isReused: true })] }));
    const [line] = (await lines()).map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(line).toMatchObject({
      retries: 1,
      connect_ms: null,
      attempts: [
        { endpoint: '10.0.0.2:7001/orders-1', status: 0, grpc_status: null, failure: 'connect_refused', ms: 1 },
        { endpoint: '10.0.0.1:7001/orders-1', status: 200, grpc_status: null, failure: null, ms: 9 },
      ],
    });
  });

  it('says how long a request or a connection was held, where it was', async () => {
    const { log, lines } = setUp('all');
    log.onExchangeClose(exchangeRecord({ heldMs: 1_500 }));
    log.onTunnelClose(tunnelRecord({ heldMs: 20 }));
    log.onExchangeClose(exchangeRecord());
    const held = (await lines()).map((text) => (JSON.parse(text) as Record<string, unknown>)['held_ms']);
    expect(held).toEqual([1_500, 20, undefined]);
  });

  it('says null for what never happened', async () => {
    const { log, lines } = setUp('all');
    log.onExchangeClose(exchangeRecord({ status: 0, code: 'client_gone', answeredAt: 0, attempts: [] }));
    expect(JSON.parse((await lines())[0]!)).toMatchObject({
      status: 0,
      failure: 'client_gone',
      first_byte_ms: null,
      connect_ms: null,
      retries: 0,
      attempts: [],
    });
  });

  it('names the shard of a request that has one', async () => {
    const { log, lines } = setUp('all');
    log.onExchangeClose(exchangeRecord({ shard: 'a', code: 'no_endpoint' }));
    log.onExchangeClose(exchangeRecord());
    const seen = (await lines()).map((text) => JSON.parse(text) as { shard?: string });
    expect(seen.map(({ shard }) => shard)).toEqual(['a', undefined]);
  });

  it('writes tunnels and rejects', async () => {
    const { log, lines } = setUp('all');
    log.onTunnelClose(tunnelRecord({ code: 'tunnel_idle' }));
    log.onReject('outbound', 'no_route');
    expect(await lines()).toEqual([
      '{"time":"2023-11-14T22:13:19.000Z","kind":"tunnel","direction":"outbound","upstream":"cache","listener":"cache",' +
        '"client":"127.0.0.1:50001","failure":"tunnel_idle","duration_ms":2000,"connect_ms":2,"request_bytes":100,' +
        '"response_bytes":2000,"retries":0,"attempts":[{"endpoint":"10.0.0.1:7001/orders-1","status":0,"grpc_status":null,"failure":null,"ms":9}]}',
      '{"time":"2023-11-14T22:13:21.000Z","kind":"reject","listener":"outbound","failure":"no_route"}',
    ]);
  });

  it.each([
    ['off', []],
    ['failures', [503, 500, 200, 'tunnel', 'reject']],
    ['all', [200, 404, 503, 500, 200, 'tunnel', 'tunnel', 'reject']],
  ] as const)('in mode %s writes %j', async (mode, expected) => {
    const { log, lines } = setUp(mode);
    log.onExchangeClose(exchangeRecord());
    log.onExchangeClose(exchangeRecord({ status: 404 }));
    log.onExchangeClose(exchangeRecord({ status: 503, code: 'overloaded' }));
    log.onExchangeClose(exchangeRecord({ status: 500 }));
    log.onExchangeClose(exchangeRecord({ status: 200, code: 'response_truncated' }));
    log.onTunnelClose(tunnelRecord());
    log.onTunnelClose(tunnelRecord({ code: 'connect_refused' }));
    log.onReject('outbound', 'no_route');
    const seen = (await lines()).map((text) => JSON.parse(text) as { status?: number; kind: string });
    expect(seen.map((line) => line.status ?? line.kind)).toEqual(expected);
  });

  it('tells how a gRPC call ended, and takes a server’s error for a failure', async () => {
    const { log, lines } = setUp('failures');
    for (const status of [0, 5, 14, 2, 12, -1]) log.onExchangeClose(callRecord('/shop.Orders/Get', status));
    log.onExchangeClose(callRecord('/shop.Orders/Get', 8, { code: 'overloaded' }));
    const seen = (await lines()).map((text) => JSON.parse(text) as Record<string, unknown>);
    expect(seen.map((line) => [line['status'], line['grpc_status'], line['failure']])).toEqual([
      [200, 14, null],
      [200, 2, null],
      [200, 12, null],
      [200, 8, 'overloaded'],
    ]);
    expect(seen[0]).toMatchObject({ attempts: [{ status: 200, grpc_status: 14 }] });
  });

  it('changes its mode between two exchanges', async () => {
    const { log, lines } = setUp('off');
    log.onExchangeClose(exchangeRecord());
    log.mode = 'all';
    log.onExchangeClose(exchangeRecord());
    expect(await lines()).toHaveLength(1);
  });

  it('bounds what a client can write into it, on one line', async () => {
    const { log, lines } = setUp('all');
    const nasty = 'a"b\\c\r\nd\u0000\u001b[31m\u009b';
    log.onExchangeClose(
      exchangeRecord({
        requestId: nasty + 'r'.repeat(10_000),
        head: requestHead({ method: nasty, path: `/${'p'.repeat(100_000)}`, authority: nasty + 'h'.repeat(10_000) }),
        attempts: Array.from({ length: 100 }, () => attemptRecord()),
      }),
    );
    const written = await lines();
    expect(written).toHaveLength(1);
    expect(written[0]!.length).toBeLessThan(4_000);
    const line = JSON.parse(written[0]!) as Record<string, string> & { attempts: unknown[] };
    expect(line['method']).toBe('a"b\\c??d??[31m?');
    expect(line['path']).toHaveLength(1024);
    expect(line['authority']).toHaveLength(256);
    expect(line['request_id']).toHaveLength(128);
    expect(line.attempts).toHaveLength(16);
  });

  it('brackets IPv6 clients', async () => {
    const { log, lines } = setUp('all');
    log.onExchangeClose(
      exchangeRecord({ peer: { address: '::1', port: 7, listener: 'orders', scheme: 'http', identity: null } }),
    );
    expect(JSON.parse((await lines())[0]!)).toMatchObject({ client: '[::1]:7' });
  });
});
