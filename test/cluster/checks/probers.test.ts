import { describe, expect, it } from 'vitest';
import type { CheckOptions } from '../../../src/cluster/checks/options.ts';
import type { Verdict } from '../../../src/cluster/checks/prober.ts';
import { makeProber } from '../../../src/cluster/checks/probers.ts';
import { CheckedConnector, checkOptions, fieldsOf, PAGE } from '../../support/checked-endpoints.ts';

function probe(options: Partial<CheckOptions> = {}, isWarm = true) {
  const connector = new CheckedConnector();
  connector.isWarm = isWarm;
  const verdicts: Verdict[] = [];
  const begun = makeProber(checkOptions(options), 'web').begin(connector, {
    now: 0,
    onVerdict: (one) => void verdicts.push(one),
  });
  const said = (): string =>
    verdicts.map(({ result, why, isFinal }) => `${result}: ${why}${isFinal ? '!' : ''}`).join();
  return { connector, begun, said };
}

describe('a check of http', () => {
  it('asks for its page, says who asks, and passes with a good status', () => {
    const { connector, said } = probe({ question: { ...PAGE, headers: { 'x-key': 'k' } } });
    const { head, isSent } = connector.last;
    expect([head!.method, head!.path, head!.authority, head!.body, isSent]).toEqual([
      'GET',
      '/health',
      'orders',
      'none',
      true,
    ]);
    expect([head!.get('x-remora-health-check'), head!.get('x-key')]).toEqual(['web', 'k']);
    connector.last.answer(204);
    expect(said()).toBe('passed: passed');
  });

  it('can be asked of a service of any name', () => {
    const { connector } = probe({ question: { ...PAGE, host: 'caf\u010de\r\n' } });
    expect(connector.last.head!.authority).toBe('caf?e??');
  });

  it('waits for its connection', () => {
    const { connector, said } = probe({}, false);
    expect(connector.last.isSent).toBe(false);
    connector.last.handler.onConnected();
    expect(connector.last.isSent).toBe(true);
    connector.last.answer(200);
    expect(said()).toBe('passed: passed');
  });

  it.each([
    [404, 'failed: answered 404'],
    [503, 'failed: answered 503!'],
  ])('fails with %d', (status, expected) => {
    const { connector, said } = probe();
    connector.last.answer(status);
    expect(said()).toBe(expected);
  });

  it('takes the statuses it is told', () => {
    const { connector, said } = probe({
      question: {
        ...PAGE,
        statuses: [
          [200, 200],
          [429, 503],
        ],
      },
    });
    connector.last.answer(503);
    expect(said()).toBe('passed: passed');
  });

  it('looks for a text in the beginning of the body, over pieces too', () => {
    const question = { ...PAGE, body: { text: 'all well', withinBytes: 12 } };
    const good = probe({ question });
    const { handler } = good.connector.last;
    handler.onHead(Object.assign(fieldsOf({}), { status: 200, body: 'chunked' as const, contentLength: -1 }));
    for (const piece of ['x: al', 'l we', 'll and more']) handler.onBody(Buffer.from(piece));
    handler.onEnd(null);
    expect(good.said()).toBe('passed: passed');
    const late = probe({ question });
    late.connector.last.answer(200, 'too much before all well');
    expect(late.said()).toBe('failed: answered 200 without the text');
  });

  it('reads no more of an answer than is needed', () => {
    const { connector, said } = probe();
    connector.last.answer(200, 'x'.repeat(70_000));
    expect(said()).toBe('passed: passed');
    expect(connector.last.isAborted).toBe(true);
  });

  it('asks again on a new connection when the pooled one had died, once', () => {
    const { connector, said } = probe();
    connector.last.fail('connection_stale');
    expect(connector.fresh).toEqual([false, true]);
    connector.last.fail('connection_stale');
    expect(said()).toMatch(/^unreachable: /);
    expect(connector.asked).toHaveLength(2);
  });

  it('is unreachable where no connection is to be had', () => {
    const { connector, said } = probe({}, false);
    connector.last.fail('connect_refused');
    expect(said()).toBe('unreachable: Nothing listens at the endpoint.');
  });

  it('says nothing once it is abandoned', () => {
    const { connector, begun, said } = probe();
    begun.abandon();
    begun.abandon();
    expect(connector.last.isAborted).toBe(true);
    connector.last.answer(200);
    connector.last.fail('upstream_reset');
    expect(said()).toBe('');
  });

  it('hears an endpoint that withdraws', () => {
    const { connector, said } = probe();
    connector.last.answer(200, '', { 'x-envoy-immediate-health-check-fail': 'true' });
    expect(said()).toBe('withdrawn: says x-envoy-immediate-health-check-fail!');
  });
});

describe('the identity of who answers', () => {
  const identity = { header: 'x-remora-service', services: ['orders', 'orders-lite'] };

  it.each([
    ['the service', 200, { 'x-remora-service': 'orders' }, 'passed: passed'],
    ['another one that it may be', 200, { 'x-remora-service': 'orders-lite' }, 'passed: passed'],
    ['a stranger', 200, { 'x-remora-service': 'payments' }, 'stranger: is payments!'],
    ['nobody who says it', 200, {}, 'stranger: does not say x-remora-service!'],
    ['a sidecar whose application is away', 503, {}, 'failed: answered 503!'],
  ])('is looked at: %s', (_who, status, fields, expected) => {
    const { connector, said } = probe({ identity });
    connector.last.answer(status, 'a body', fields);
    expect(said()).toBe(expected);
  });
});

describe('a check of gRPC', () => {
  const question = { kind: 'grpc', service: 'shop.Orders', host: 'orders' } as const;
  const message = (...bytes: number[]) => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);
  const ok = fieldsOf({ 'grpc-status': '0' });

  it('makes the call of the health protocol', () => {
    const { connector } = probe({ question });
    const { head, body } = connector.last;
    expect([head!.method, head!.path, head!.version]).toEqual(['POST', '/grpc.health.v1.Health/Check', '2']);
    expect([head!.get('content-type'), head!.contentLength]).toEqual(['application/grpc', body.length]);
    expect(body.toString('latin1')).toBe('\0\0\0\0\x0d\x0a\x0bshop.Orders');
    expect(probe({ question: { ...question, service: '' } }).connector.last.body).toEqual(message());
  });

  it.each([
    ['SERVING', message(8, 1), ok, 'passed: passed'],
    ['NOT_SERVING', message(8, 2), ok, 'failed: says NOT_SERVING!'],
    ['nothing', message(), ok, 'failed: says UNKNOWN'],
    ['what nobody knows', message(8, 9), ok, 'failed: says something unknown'],
    ['half a message', Buffer.from([0, 0]), ok, 'failed: says something unknown'],
    ['an error', '', fieldsOf({ 'grpc-status': '5' }), 'failed: ended with not_found'],
    ['no gRPC', '', null, 'failed: answered 200 without a gRPC status'],
  ])('goes by its answer: %s', (_what, body, trailers, expected) => {
    const { connector, said } = probe({ question });
    connector.last.answer(200, body, {}, trailers);
    expect(said()).toBe(expected);
  });

  it('reads an answer that is its head alone', () => {
    const { connector, said } = probe({ question });
    connector.last.answer(200, '', { 'grpc-status': '12' });
    expect(said()).toBe('failed: ended with unimplemented');
  });
});

describe('a check of tcp', () => {
  const tcp = (send: string | null, expect: string | null) => probe({ question: { kind: 'tcp', send, expect } });

  it('passes with a connection, and closes it in order', () => {
    const { connector, said } = tcp(null, null);
    connector.dialled[0]!.handler.onConnected();
    expect([said(), connector.dialled[0]!.end]).toEqual(['passed: passed', 'closed']);
  });

  it('says and hears what it is told, over pieces', () => {
    const { connector, said } = tcp('PING\r\n', '+PONG');
    const [dialled] = connector.dialled;
    dialled!.handler.onConnected();
    expect(dialled!.said).toBe('PING\r\n');
    dialled!.hearer!.onBytes(Buffer.from('-x +PO'));
    expect(said()).toBe('');
    dialled!.hearer!.onBytes(Buffer.from('NG\r\n'));
    dialled!.hearer!.onEnd();
    expect([said(), dialled!.end]).toEqual(['passed: passed', 'closed']);
  });

  it('fails when something else comes, or nothing', () => {
    const other = tcp(null, 'hello');
    other.connector.dialled[0]!.handler.onConnected();
    other.connector.dialled[0]!.hearer!.onBytes(Buffer.alloc(5_000));
    expect(other.said()).toBe('failed: said something else');
    const silent = tcp(null, 'hello');
    silent.connector.dialled[0]!.handler.onConnected();
    silent.connector.dialled[0]!.hearer!.onEnd();
    expect(silent.said()).toBe('failed: closed before it said what is expected');
  });

  it('is unreachable where nothing listens', () => {
    const { connector, said } = tcp(null, null);
    connector.dialled[0]!.handler.onFailure('connect_refused');
    expect(said()).toBe('unreachable: Nothing listens at the endpoint.');
  });
});
