import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sidecar } from '../support/sidecar.ts';
import { OriginApp, type SeenRequest } from './origin-app.ts';
import { RawClient } from './raw-client.ts';

let app: OriginApp;
/** The callee's sidecar, and the caller's, whose upstream is the former's inbound port. */
let callee: Sidecar;
let caller: Sidecar;

beforeAll(async () => {
  app = await OriginApp.start('orders');
  const telemetry = { sampleRatio: 0, accessLog: 'all' };
  callee = await Sidecar.start({ service: { name: 'orders', port: app.port }, inbound: { port: 0 }, telemetry });
  caller = await Sidecar.start({
    service: { name: 'web', port: 1 },
    upstreams: { orders: { port: 0 } },
    static: { orders: [`127.0.0.1:${callee.port('inbound')}`] },
    telemetry,
  });
});

afterAll(async () => {
  await Promise.all([caller.kill(), callee.kill()]);
  await app.kill();
});

/** The request as the application saw it. */
async function through(port: number, ...lines: readonly string[]): Promise<Map<string, string>> {
  const text = ['GET / HTTP/1.1', 'Host: orders.mesh', 'Connection: close', ...lines, '', ''].join('\r\n');
  const answer = await RawClient.ask(port, text);
  const { rawHeaders } = JSON.parse(answer.text.slice(answer.text.indexOf('\r\n\r\n') + 4)) as SeenRequest;
  const fields = new Map<string, string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    expect(fields.has(name), `${name} twice`).toBe(false);
    fields.set(name, rawHeaders[i + 1]!);
  }
  return fields;
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

describe('a request through two sidecars', () => {
  it('says where it came from and how', async () => {
    const seen = await through(caller.port('orders'));
    expect(seen.get('host')).toBe('orders.mesh');
    expect(seen.get('x-forwarded-for')).toBe('127.0.0.1, 127.0.0.1');
    expect(seen.get('x-forwarded-proto')).toBe('http');
    expect(seen.get('x-forwarded-host')).toBe('orders.mesh');
    expect(seen.get('x-remora-attempt')).toBe('1');
    expect(seen.has('via')).toBe(false);
  });

  it('adds to what others forwarded', async () => {
    const seen = await through(
      caller.port('orders'),
      'X-Forwarded-For: 192.0.2.1',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: shop.example',
    );
    expect(seen.get('x-forwarded-for')).toBe('192.0.2.1, 127.0.0.1, 127.0.0.1');
    expect(seen.get('x-forwarded-proto')).toBe('https');
    expect(seen.get('x-forwarded-host')).toBe('shop.example');
  });

  it('keeps its id, or gets one that both sidecars log', async () => {
    expect((await through(caller.port('orders'), 'X-Request-Id: mine')).get('x-request-id')).toBe('mine');
    const id = (await through(caller.port('orders'))).get('x-request-id')!;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    for (const { access } of [caller, callee]) expect(access.map((line) => line['request_id'])).toContain(id);
  });

  it('stays in the trace it came with, each hop a span of its own', async () => {
    const seen = await through(
      caller.port('orders'),
      `traceparent: 00-${TRACE_ID}-${SPAN_ID}-01`,
      'tracestate: vendor=1',
    );
    const [version, traceId, spanId, flags] = seen.get('traceparent')!.split('-');
    expect([version, traceId, flags]).toEqual(['00', TRACE_ID, '01']);
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(spanId).not.toBe(SPAN_ID);
    expect(seen.get('tracestate')).toBe('vendor=1');
  });

  it('begins a trace when it has none, and both sidecars are in it', async () => {
    const seen = await through(caller.port('orders'), 'traceparent: garbage', 'tracestate: vendor=1');
    const [, traceId, , flags] = seen.get('traceparent')!.split('-');
    expect(flags).toBe('00');
    expect(seen.has('tracestate')).toBe(false);
    for (const { access } of [caller, callee]) expect(access.map((line) => line['trace_id'])).toContain(traceId);
  });

  it('loses what belongs to a hop only', async () => {
    const seen = await through(
      caller.port('orders'),
      'Connection: x-secret',
      'X-Secret: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'TE: gzip',
      'X-Kept: 1',
    );
    for (const name of ['x-secret', 'keep-alive', 'proxy-connection', 'te']) expect(seen.has(name)).toBe(false);
    expect(seen.get('x-kept')).toBe('1');
  });
});

describe('an untrusted peer on the inbound port', () => {
  it('is not believed what only sidecars say', async () => {
    const seen = await through(
      callee.port('inbound'),
      'X-Remora-Attempt: 7',
      'X-Remora-Hop: 0123456789abcdef',
      'x-REMORA-anything: 1',
    );
    // A false mark of a retry costs its author retries, and gives nothing.
    expect(seen.get('x-remora-attempt')).toBe('7');
    expect(seen.get('x-remora-hop')).toMatch(/^[0-9a-f]{16}$/);
    expect(seen.get('x-remora-hop')).not.toContain('0123456789abcdef');
    expect(seen.has('x-remora-anything')).toBe(false);
  });
});
