import { describe, expect, it } from 'vitest';
import { warningsOf } from '../../src/config/warnings.ts';
import { good, web } from './parse.ts';

const registered = (lines: string): string[] =>
  warningsOf(good(web(lines).replace('port: 8080', 'port: 8080, register: {}')));

it('warns that Consul is told an address which peers on other machines cannot reach', () => {
  expect(registered('consul: { address: "http://10.0.0.9:8500" }\ninbound: { port: 15006 }\n')).toEqual([
    'inbound.address is 127.0.0.1, and service.register tells Consul so: callers on other machines will not reach it; ' +
      "unless all of them are on this one, set inbound.address to an address of this machine, or to 0.0.0.0 for the one of Consul's agent",
  ]);
});

it.each(['https://[2001:db8::1]:8501', 'http://127.0.0.1:8500', 'http://[::1]:8500', 'unix:///run/consul.sock'])(
  'warns of it wherever the agent of Consul is: %s',
  (address) => {
    expect(registered(`consul: { address: "${address}" }\n`)).toEqual([
      expect.stringMatching(/^service\.address is 127\.0\.0\.1,/),
    ]);
  },
);

it.each([
  ['inbound is on every address', 'consul: { address: "http://c:8500" }\ninbound: { port: 1, address: 0.0.0.0 }\n'],
  [
    'inbound has an address of its own',
    'consul: { address: "http://c:8500" }\ninbound: { port: 1, address: 10.0.0.5 }\n',
  ],
])('warns of nothing when %s', (_what, lines) => {
  expect(registered(lines)).toEqual([]);
});

it('warns of nothing when somebody else registers the service', () => {
  expect(warningsOf(good(web('consul: { address: "http://c:8500" }\ninbound: { port: 1 }\n')))).toEqual([]);
});

describe('of an upstream', () => {
  const orders = (written: string): string[] =>
    warningsOf(good(web(`consul: {}\nupstreams: { orders: ${written} }\n`)));

  it('warns that a cookie which is made for everybody without it counts beside the other keys', () => {
    const cookie = '{ cookie: { name: sid, ttl: 1h } }';
    expect(orders(`{ balance: maglev, hash: [ { header: x-user }, ${cookie} ] }`)).toEqual([
      'upstreams.orders.hash: a client that keeps no cookies gets another endpoint each time, whatever its header x-user says, ' +
        'since cookie sid is made anew and counts too; if it is meant for clients without the header, give the header terminal: true',
    ]);
    expect(orders(`{ balance: maglev, hash: [ { header: x-user, terminal: true }, ${cookie} ] }`)).toEqual([]);
    expect(orders(`{ balance: maglev, hash: ${cookie} }`)).toEqual([]);
    expect(orders('{ balance: maglev, hash: [ { header: x-user }, { cookie: { name: sid } } ] }')).toEqual([]);
  });

  it('warns that writes are held for longer than their requests may take', () => {
    expect(orders('{ roles: { hold: { time: 20s } } }')).toEqual([
      'upstreams.orders.roles.hold.time is 20s and timeouts.request 15s: a request that is held ends after 15s, as deadline_exceeded',
    ]);
    expect(orders('{ roles: { hold: { time: 20s } }, timeouts: { request: 0 } }')).toEqual([]);
    expect(orders('{ roles: {} }')).toEqual([]);
    const map = 'map: { kind: consistent, shards: [a] }';
    expect(orders(`{ shards: { key: { header: x }, hold: 1m, ${map} } }`)).toEqual([
      'upstreams.orders.shards.hold is 1m and timeouts.request 15s: a request that is held ends after 15s, as deadline_exceeded',
    ]);
  });

  it('warns of roles and shards that no endpoint of the file has', () => {
    const fixed = (endpoint: string, written: string): string[] =>
      warningsOf(good(web(`static: { orders: [${endpoint}] }\nupstreams: { orders: ${written} }\n`)));
    const one = '{ address: 10.0.0.1, port: 1, tags: [primary], meta: { shard: a } }';
    expect(fixed(one, '{ roles: {} }')).toEqual([]);
    expect(fixed('"10.0.0.1:1"', '{ roles: {} }')).toEqual([
      'upstreams.orders.roles: no endpoint of static.orders is a primary; writes wait and are refused',
    ]);
    const shards = 'shards: { key: { header: x }, map: { kind: consistent, shards: [a, b] } }';
    expect(fixed(one, `{ ${shards} }`)).toEqual([
      'upstreams.orders.shards: no endpoint of static.orders is of shard b; its requests are refused',
    ]);
  });
});

it('warns of more services than an agent of Consul is likely to take', () => {
  const calling = (count: number): string =>
    `consul: {}\nupstreams: {${Array.from({ length: count }, (_, i) => ` s${i}: {}`).join(',')} }\n`;
  expect(warningsOf(good(web(calling(100))))).toEqual([]);
  expect(warningsOf(good(web(calling(101))))).toEqual([expect.stringMatching(/^upstreams: 101 services .* takes 200/)]);
});
