import { describe, expect, it } from 'vitest';
import { redacted } from '../../src/config/effective.ts';
import { complaints, good, web } from './parse.ts';

function upstream(check: string, more = ''): string {
  return web(`consul: {}\nupstreams: { orders: { ${more}healthCheck: ${check} } }\n`);
}

function checkOf(text: string) {
  return good(text).upstreams.get('orders')!.healthCheck;
}

describe('health checks', () => {
  it('are none unless they are wanted', () => {
    expect(checkOf(web('consul: {}\nupstreams: { orders: {} }\n'))).toBeNull();
  });

  it('of http need a path and nothing else', () => {
    expect(checkOf(upstream('{ path: /health }'))).toEqual({
      question: {
        kind: 'http',
        method: 'GET',
        path: '/health',
        host: 'orders',
        statuses: [[200, 299]],
        body: null,
        headers: {},
      },
      identity: null,
      intervalMs: 10_000,
      unhealthyIntervalMs: 5_000,
      noTrafficIntervalMs: 60_000,
      jitter: 0.1,
      initialJitterMs: 1_000,
      timeoutMs: 2_000,
      healthyThreshold: 2,
      unhealthyThreshold: 3,
      newEndpoints: 'use',
      heedsAnswers: true,
      keepLostMs: 0,
    });
  });

  it('ask in the words of the upstream where no type is said', () => {
    const kinds = ['grpc', 'tcp'].map(
      (protocol) => checkOf(upstream('{}', `port: 1, protocol: ${protocol}, `))!.question,
    );
    expect(kinds).toEqual([
      { kind: 'grpc', service: '', host: 'orders' },
      { kind: 'tcp', send: null, expect: null },
    ]);
  });

  it('expect the services that an upstream may lead to', () => {
    const more = 'service: shop, failover: [{ service: shop-lite }, { datacenter: dc2 }], ';
    const check = checkOf(upstream('{ path: /, identity: {} }', more));
    expect(check!.identity).toEqual({ header: 'x-remora-service', services: ['shop', 'shop-lite'] });
    expect(check!.question).toMatchObject({ host: 'shop' });
  });

  it('have no shorter interval without traffic than with it', () => {
    expect(checkOf(upstream('{ path: /, interval: 5m }'))!.noTrafficIntervalMs).toBe(300_000);
  });

  it.each([
    ['http', upstream('{ path: /, statuses: [200, 300-399], body: { text: ok }, headers: { x: y }, identity: {} }')],
    ['tcp', upstream('{ send: "PING\\r\\n", expect: "+PONG", newEndpoints: wait }', 'port: 1, protocol: tcp, ')],
    ['grpc', upstream('{ grpcService: shop.Orders, keepLost: 1m, heedAnswers: false }', 'protocol: grpc, ')],
    ['http on a service that speaks HTTP/2', upstream('{ path: /, method: HEAD }', 'protocol: http2, ')],
  ])('mean the same when they are shown: %s', (_what, text) => {
    const config = good(text);
    const shown = JSON.stringify(redacted(config)).replace('"***"', '"y"');
    expect(good(shown)).toEqual(config);
  });

  it('show no values of headers', () => {
    const shown = JSON.stringify(redacted(good(upstream('{ path: /, headers: { authorization: hush } }'))));
    expect(shown).not.toContain('hush');
  });

  it.each([
    ['http without a page', '{}', '', 'healthCheck: found a check of http without a path, expected path beside it'],
    ['a path for tcp', '{ path: / }', 'port: 1, protocol: tcp, ', 'healthCheck.path: found path in a check of tcp'],
    ['words for http', '{ path: /, send: x }', '', 'send: found send in a check of http, expected type: tcp beside it'],
    ['a service for http', '{ path: /, grpcService: x }', '', 'grpcService in a check of http'],
    [
      'an identity of tcp',
      '{ identity: {} }',
      'port: 1, protocol: tcp, ',
      'identity in a check of tcp, expected type: http or grpc beside it',
    ],
    ['gRPC without HTTP/2', '{ type: grpc }', '', 'healthCheck.type: found a check of grpc for protocol http'],
    ['a body of HEAD', '{ path: /, method: HEAD, body: { text: x } }', '', 'body with method HEAD'],
    ['a body that says nothing', '{ path: /, body: { within: 1KiB } }', '', 'expected a text that its body has'],
    [
      'seldom checks that are more often',
      '{ path: /, interval: 20s, noTrafficInterval: 10s }',
      '',
      'noTrafficInterval: found 10s, expected at least interval, which is 20s',
    ],
    [
      'two primaries',
      '{ path: /, keepLost: 1m }',
      'roles: {}, ',
      'keepLost: found keepLost beside roles, expected no keepLost',
    ],
    ['of ten thousand where a hundred are used', '{ path: / }', 'subsetSize: 100, ', 'healthCheck beside subsetSize'],
    ['a path without a slash', '{ path: health }', '', 'expected a path such as /health'],
    ['a status that is none', '{ path: /, statuses: [2xx] }', '', 'expected a status such as 200 or a range'],
    ['no status at all', '{ path: /, statuses: [] }', '', 'expected a list of one to 20 statuses'],
    ['a header of HTTP itself', '{ path: /, headers: { Host: x } }', '', 'the name of a header'],
    [
      'a value that would end its line',
      '{ path: /, headers: { x: "a\u010db" } }',
      '',
      'expected visible ASCII text of one line',
    ],
    ['a host with a space', '{ path: /, host: "a b" }', '', 'expected a host name'],
    ['a hundred a second', '{ path: /, interval: 10ms }', '', 'expected a duration of at least 100ms'],
    ['a key that nobody knows', '{ path: /, threshold: 2 }', '', 'threshold'],
  ])('must not be %s', (_what, check, more, expected) => {
    const lines = complaints(upstream(check, more));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(expected);
  });
});
