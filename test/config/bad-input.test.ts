import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/local-config.ts';
import { formatProblems } from '../../src/config/problems.ts';
import { complaints, web } from './parse.ts';

const GRPC_FAILURE_WORDS =
  'one of cancelled, unknown, invalid_argument, deadline_exceeded, not_found, already_exists, permission_denied, ' +
  'resource_exhausted, failed_precondition, aborted, out_of_range, unimplemented, internal, unavailable, data_loss, unauthenticated';

const cases: [what: string, text: string, ...lines: string[]][] = [
  // --- Not YAML, or not a map ---
  ['a tab as indentation', 'service:\n\tname: web\n', 'remora.yaml:2:1: found a tab as indentation, expected spaces'],
  [
    'an unclosed bracket',
    'service: { name: web, port: 8080\n',
    'remora.yaml:2:1: found broken YAML, expected YAML 1.2; Flow map in block collection must be sufficiently indented and end with a }',
  ],
  ['two documents', `${web()}---\na: 1\n`, 'remora.yaml:2:1: found a second document, expected one document'],
  ['an empty file', '', 'remora.yaml:1:1: found nothing, expected a map'],
  ['a list', '- a\n', 'remora.yaml:1:1: found a list, expected a map'],
  ['a word', 'hello\n', 'remora.yaml:1:1: found "hello", expected a map'],
  [
    'a tag of another program',
    web('consul:\n  token: !secret consul_token\nstateDir: !secret state\n'),
    'remora.yaml:3:10: found a tag, expected a value without one; Unresolved tag: !secret',
    'remora.yaml:4:11: found a tag, expected a value without one; Unresolved tag: !secret',
  ],
  [
    'a tag that YAML knows and no value here has',
    web('stateDir: !!binary c3RhdGU=\nconsul: !!omap [a: 1]\nadmin: !!map { port: !!int 1 }\n'),
    'remora.yaml:2:20 stateDir: found the tag tag:yaml.org,2002:binary, expected a value without one',
    'remora.yaml:3:16 consul: found the tag tag:yaml.org,2002:omap, expected a value without one',
  ],
  [
    'a tag on a map, a list and a key',
    web('consul: !x { }\nstatic: { a: !y [] }\n!z stateDir: /x\n'),
    'remora.yaml:2:9: found a tag, expected a value without one; Unresolved tag: !x',
    'remora.yaml:3:14: found a tag, expected a value without one; Unresolved tag: !y',
    'remora.yaml:4:1: found a tag, expected a value without one; Unresolved tag: !z',
  ],
  [
    'an alias to nowhere',
    web('stateDir: *there\n'),
    'remora.yaml:2:11 stateDir: found *there, expected the name of an anchor that stands above',
  ],
  [
    'a key given twice',
    web('admin:\n  port: 1\n  port: 2\n'),
    'remora.yaml:4:3 admin.port: found the key a second time, expected each key once',
  ],
  [
    'a key with nothing behind it',
    web('consul:\n'),
    'remora.yaml:2:1 consul: found nothing, expected a value; leave the key out, or write {} for an empty map',
  ],
  [
    'a reserved name',
    web('upstreams: { __proto__: {} }\n'),
    'remora.yaml:2:14 upstreams.__proto__: found a reserved name, expected another name',
  ],

  // --- Keys ---
  [
    'a mistyped key',
    web('consul: {}\nupstreams:\n  orders:\n    timeouts: { conect: 1s }\n'),
    'remora.yaml:5:17 upstreams.orders.timeouts.conect: found an unknown key, expected one of connect, attempt, attemptIdle, request, streamIdle, tunnelIdle, maxDuration; did you mean connect?',
  ],
  [
    'a key of another world',
    web('consul: { xyzzy: 1 }\n'),
    'remora.yaml:2:11 consul.xyzzy: found an unknown key, expected one of address, configEntries, token, tokenFile, datacenter, namespace, status, tls',
  ],
  ['a missing section', 'admin: { port: 1 }\n', 'remora.yaml:1:1 service: found nothing, expected a map'],
  [
    'missing keys',
    'service: {}\ninbound: {}\n',
    'remora.yaml:1:1 service.name: found nothing, expected a name of letters, digits, "-", "_" and "." that begins and ends with a letter or digit',
    'remora.yaml:1:1 service.port: found nothing, expected a port from 1 to 65535',
    'remora.yaml:2:1 inbound.port: found nothing, expected a port from 0 (any free one) to 65535',
  ],
  [
    'a name that is none',
    web('consul: {}\nupstreams: { "a b": {} }\n'),
    'remora.yaml:3:14 upstreams["a b"]: found "a b", expected a name in lower case, of letters, digits, "-" and "_", that begins and ends with a letter or digit',
  ],

  // --- Values ---
  [
    'a duration without a unit',
    web('shutdown: { timeout: 5 }\n'),
    'remora.yaml:2:22 shutdown.timeout: found 5, expected a duration such as 500ms or 15s',
  ],
  [
    'a duration in quotes without a unit',
    web('consul: {}\nupstreams:\n  orders:\n    timeouts:\n      connect: "5"\n'),
    'remora.yaml:6:16 upstreams.orders.timeouts.connect: found "5", expected a duration such as 500ms or 15s, or 0 for none',
  ],
  [
    'a 0 where it means nothing',
    web('http: { headTimeout: 0 }\n'),
    'remora.yaml:2:22 http.headTimeout: found 0, expected a duration of at least 100ms such as 500ms or 15s',
  ],
  [
    'a duration beyond all measure',
    web('shutdown: { timeout: 25h }\n'),
    'remora.yaml:2:22 shutdown.timeout: found "25h", expected a duration such as 500ms or 15s, at most 24h',
  ],
  [
    'a size in other units',
    web('http: { maxHead: 64k }\n'),
    'remora.yaml:2:18 http.maxHead: found "64k", expected a size such as 64KiB, from 1KiB to 1MiB',
  ],
  [
    'a port too high',
    'service: { name: web, port: 99999 }',
    'remora.yaml:1:29 service.port: found 99999, expected a port from 1 to 65535',
  ],
  [
    'a port that is a word',
    web('admin: { port: http }'),
    'remora.yaml:2:16 admin.port: found "http", expected a port from 0 (any free one) to 65535',
  ],
  [
    'a gRPC port that is a word',
    web('admin: { grpcPort: "no" }'),
    'remora.yaml:2:20 admin.grpcPort: found "no", expected a port from 0 to 65535, or off',
  ],
  [
    'a number where text is meant',
    web('stateDir: 12\n'),
    'remora.yaml:2:11 stateDir: found 12, expected the path of a file; put it in quotes',
  ],
  [
    'a listener on a name',
    web('outbound: { address: example.com, port: 1 }\n'),
    'remora.yaml:2:22 outbound.address: found "example.com", expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1',
  ],
  [
    'a balancer nobody knows',
    web('consul: {}\nupstreams: { a: { balance: magic } }\n'),
    'remora.yaml:3:28 upstreams.a.balance: found "magic", expected one of p2c_ewma, least_request, round_robin, random, first, client_side_wrr, ring_hash, maglev, rendezvous',
  ],
  [
    'not a number',
    web('telemetry: { sampleRatio: .nan }\n'),
    'remora.yaml:2:27 telemetry.sampleRatio: found NaN, expected a number from 0 to 1',
  ],
  [
    'a share above 1',
    web('telemetry: { sampleRatio: 50 }\n'),
    'remora.yaml:2:27 telemetry.sampleRatio: found 50, expected a number from 0 to 1',
  ],
  [
    'a hash by two things',
    web('consul: {}\nupstreams: { a: { balance: ring_hash, hash: { header: a, source: true } } }\n'),
    'remora.yaml:3:45 upstreams.a.hash: found a map, expected one of { header: NAME }, { cookie: { name: NAME } }, { query: NAME }, { path: { segment: N } }, { path: { regex: PATTERN } } and { source: true }, or a list of them',
  ],
  [
    'bad endpoints',
    web(
      'upstreams: { a: {} }\nstatic:\n  a: ["127.0.0.1", "::1:80", "1.2.3.400:80", "a:0", { address: a }, 7, { address: a, prot: 1, port: 2 }]\n',
    ),
    'remora.yaml:4:7 static.a[0]: found "127.0.0.1", expected "host:port" such as "127.0.0.1:8080" or "[::1]:8080", or a map with address and port',
    'remora.yaml:4:20 static.a[1]: found "::1:80", expected "host:port" such as "127.0.0.1:8080" or "[::1]:8080", or a map with address and port',
    'remora.yaml:4:30 static.a[2]: found "1.2.3.400:80", expected "host:port" such as "127.0.0.1:8080" or "[::1]:8080", or a map with address and port',
    'remora.yaml:4:46 static.a[3]: found "a:0", expected "host:port" such as "127.0.0.1:8080" or "[::1]:8080", or a map with address and port',
    'remora.yaml:4:53 static.a[4].port: found nothing, expected a port from 1 to 65535',
    'remora.yaml:4:69 static.a[5]: found 7, expected "host:port" such as "127.0.0.1:8080" or "[::1]:8080", or a map with address and port',
    'remora.yaml:4:86 static.a[6].prot: found an unknown key, expected one of address, port, weight, tags, meta, zone, priority; did you mean port?',
  ],
  [
    'a Consul with a password in its address',
    web('consul: { address: "http://u:p@h:8500" }\n'),
    'remora.yaml:2:20 consul.address: found "http://***@h:8500", expected http://host:port, https://host:port or unix:///path',
  ],
  [
    'a secret of the wrong form',
    web('telemetry: { otlp: { endpoint: "http://c", headers: { key: "se\\ncret" } } }\n'),
    'remora.yaml:2:60 telemetry.otlp.headers.key: found a text that is not shown, expected text of one line',
  ],

  // --- Contradictions ---
  [
    'two listeners at one port',
    web('outbound: { port: 9001 }\nconsul: {}\nupstreams: { orders: { port: 9001 } }\n'),
    'remora.yaml:4:30 upstreams.orders.port: found 127.0.0.1:9001, which outbound.port has already, expected a port of its own, or 0',
  ],
  [
    'a listener that takes the port of all interfaces',
    web('inbound: { address: 0.0.0.0, port: 15000 }\n'),
    'remora.yaml:2:36 inbound.port: found 0.0.0.0:15000, which admin.port has already, expected a port of its own, or 0',
  ],
  [
    'a port that admin would take by itself',
    web('outbound: { port: 15010 }\n'),
    'remora.yaml:2:19 outbound.port: found 127.0.0.1:15010, which admin.grpcPort has already, expected a port of its own, or 0; unless set, admin.grpcPort follows admin.port; it can be off',
  ],
  [
    'a listener where the application is',
    web('inbound: { port: 8080 }\n'),
    'remora.yaml:2:18 inbound.port: found 127.0.0.1:8080, which service.port has already, expected a port of its own, or 0',
  ],
  [
    'ring_hash without hash',
    web('consul: {}\nupstreams: { a: { balance: ring_hash } }\n'),
    'remora.yaml:3:28 upstreams.a.balance: found ring_hash without hash, expected hash beside it, { header: NAME } or { source: true }',
  ],
  [
    'hash without ring_hash',
    web('consul: {}\nupstreams: { a: { hash: { source: true } } }\n'),
    'remora.yaml:3:19 upstreams.a.hash: found hash with balancer p2c_ewma, expected a balancer that hashes beside it, ring_hash, maglev, rendezvous',
  ],
  [
    'rendezvous without hash',
    web('consul: {}\nupstreams: { a: { balance: rendezvous } }\n'),
    'remora.yaml:3:28 upstreams.a.balance: found rendezvous without hash, expected hash beside it, { header: NAME } or { source: true }',
  ],
  [
    'a ring for Maglev',
    web('consul: {}\nupstreams: { a: { balance: maglev, hash: { source: true }, ring: { points: 10 } } }\n'),
    'remora.yaml:3:60 upstreams.a.ring: found ring with balancer maglev, expected balance: ring_hash beside it',
  ],
  [
    'a table for a ring',
    web('consul: {}\nupstreams: { a: { balance: ring_hash, hash: { source: true }, maglev: {} } }\n'),
    'remora.yaml:3:63 upstreams.a.maglev: found maglev with balancer ring_hash, expected balance: maglev beside it',
  ],
  [
    'bounded load for a balancer without a table',
    web('consul: {}\nupstreams: { a: { balance: rendezvous, hash: { source: true }, boundedLoad: 1.5 } }\n'),
    'remora.yaml:3:64 upstreams.a.boundedLoad: found boundedLoad with balancer rendezvous, expected balance: ring_hash or maglev beside it',
  ],
  [
    'a load bounded to the mean, which leaves no room',
    web('consul: {}\nupstreams: { a: { balance: maglev, hash: { source: true }, boundedLoad: 1 } }\n'),
    'remora.yaml:3:73 upstreams.a.boundedLoad: found 1, expected a number above 1 and at most 10',
  ],
  [
    'a load bounded to eleven times the mean',
    web('consul: {}\nupstreams: { a: { balance: maglev, hash: { source: true }, boundedLoad: 11 } }\n'),
    'remora.yaml:3:73 upstreams.a.boundedLoad: found 11, expected a number above 1 and at most 10',
  ],
  [
    'a table whose size is no prime',
    web('consul: {}\nupstreams: { a: { balance: maglev, hash: { source: true }, maglev: { tableSize: 65536 } } }\n'),
    'remora.yaml:3:81 upstreams.a.maglev.tableSize: found 65536, expected a prime, such as 65537, which is the next one',
  ],
  [
    'a table that is too large',
    web('consul: {}\nupstreams: { a: { balance: maglev, hash: { source: true }, maglev: { tableSize: 5000081 } } }\n'),
    'remora.yaml:3:81 upstreams.a.maglev.tableSize: found 5000081, expected a prime from 2 to 5000011',
  ],
  [
    'a least size of a ring that is fixed',
    web('consul: {}\nupstreams: { a: { balance: ring_hash, hash: { source: true }, ring: { minSize: 9 } } }\n'),
    'remora.yaml:3:71 upstreams.a.ring.minSize: found minSize with sizing fixed, expected sizing: envoy beside it',
  ],
  [
    "points in Envoy's sizing",
    web(
      'consul: {}\nupstreams: { a: { balance: ring_hash, hash: { source: true }, ring: { sizing: envoy, points: 9 } } }\n',
    ),
    'remora.yaml:3:86 upstreams.a.ring.points: found points with sizing envoy, expected sizing: fixed beside it',
  ],
  [
    'a ring that may not have its least size',
    web(
      'consul: {}\nupstreams: { a: { balance: ring_hash, hash: { source: true }, ring: { sizing: envoy, maxSize: 9 } } }\n',
    ),
    'remora.yaml:3:95 upstreams.a.ring.maxSize: found 9, expected at least minSize, which is 1024',
  ],
  [
    'a header to hash in TCP',
    web('consul: {}\nupstreams: { a: { port: 1, protocol: tcp, balance: ring_hash, hash: { header: a } } }\n'),
    'remora.yaml:3:79 upstreams.a.hash.header: found a header for protocol tcp, expected { source: true }',
  ],
  [
    'an application that is spoken to behind a port that passes bytes on',
    'service: { name: web, port: 8080, protocol: grpc }\ninbound: { port: 0, protocol: tcp }\n',
    'remora.yaml:1:45 service.protocol: found grpc behind a port for tcp, expected inbound.protocol http, grpc or auto, or no protocol here',
  ],
  [
    'a window of a stream that its connection does not have',
    web('http2: { maxStreamWindow: 8MiB }\n'),
    'remora.yaml:2:27 http2.maxStreamWindow: found 8MiB, expected at most maxConnectionWindow, which is 4MiB',
  ],
  [
    'limits of HTTP/2 out of their range',
    web('http2: { maxStreams: 0, maxStreamWindow: 1KiB, maxUselessFrames: 9, pingTimeout: 0 }\n'),
    'remora.yaml:2:22 http2.maxStreams: found 0, expected a whole number from 1 to 100000',
    'remora.yaml:2:42 http2.maxStreamWindow: found "1KiB", expected a size such as 64KiB, from 64KiB to 256MiB',
    'remora.yaml:2:66 http2.maxUselessFrames: found 9, expected a whole number from 10 to 1000000',
    'remora.yaml:2:82 http2.pingTimeout: found 0, expected a duration of at least 100ms such as 500ms or 15s',
  ],
  [
    'a gRPC status that is none, or no failure',
    web('consul: {}\nupstreams: { a: { retry: { grpcStatuses: [busy, ok] } } }\n'),
    `remora.yaml:3:43 upstreams.a.retry.grpcStatuses[0]: found "busy", expected ${GRPC_FAILURE_WORDS}`,
    `remora.yaml:3:49 upstreams.a.retry.grpcStatuses[1]: found "ok", expected ${GRPC_FAILURE_WORDS}`,
  ],
  [
    'tcp without a port',
    web('consul: {}\nupstreams: { a: { protocol: tcp } }\n'),
    'remora.yaml:3:29 upstreams.a.protocol: found tcp without a port, expected a port of its own beside it',
  ],
  [
    'bounds the wrong way round',
    web(
      'consul: {}\nupstreams: { a: { breaker: { coolDown: 1m }, retry: { backoff: 1s } } }\nshutdown: { propagation: 1m }\n',
    ),
    'remora.yaml:3:40 upstreams.a.breaker.coolDown: found 1m, expected at most maxCoolDown, which is 30s',
    'remora.yaml:3:64 upstreams.a.retry.backoff: found 1s, expected at most maxBackoff, which is 250ms',
    'remora.yaml:4:26 shutdown.propagation: found 1m, expected at most timeout, which is 30s',
  ],
  [
    'a timeout longer than what bounds it',
    web('consul: {}\nupstreams: { a: { timeouts: { attempt: 9s, request: 3s } } }\n'),
    'remora.yaml:3:40 upstreams.a.timeouts.attempt: found 9s, expected at most request, which is 3s',
  ],
  [
    'timeouts that never end anything',
    web(
      'consul: {}\nupstreams:\n  a: { timeouts: { attemptIdle: 2s, attempt: 2s } }\n  b: { timeouts: { request: 9s, maxDuration: 8s } }\n  c: { timeouts: { tunnelIdle: 9s, maxDuration: 8s } }\n',
    ),
    'remora.yaml:4:33 upstreams.a.timeouts.attemptIdle: found 2s, expected less than attempt, which is 2s',
    'remora.yaml:5:29 upstreams.b.timeouts.request: found 9s, expected at most maxDuration, which is 8s',
    'remora.yaml:6:32 upstreams.c.timeouts.tunnelIdle: found 9s, expected at most maxDuration, which is 8s',
  ],
  [
    'connections ahead of requests that could not be kept',
    web(
      'consul: {}\nupstreams:\n  a: { connections: { warm: 9, maxIdle: 8 } }\n  b: { port: 0, protocol: tcp, connections: { warm: 1 } }\n',
    ),
    'remora.yaml:4:29 upstreams.a.connections.warm: found 9, expected at most maxIdle, which is 8',
    'remora.yaml:5:47 upstreams.b.connections.warm: found warm with protocol tcp, expected protocol http, http2 or grpc beside it, or no warm',
  ],
  [
    'tls in the clear',
    web('consul: { tls: { caFile: /ca } }\n'),
    'remora.yaml:2:11 consul.tls: found tls with an address in the clear, expected an https:// address, or no tls',
  ],
  [
    'half a client certificate',
    web('consul: { address: "https://c:1", tls: { certFile: /c } }\n'),
    'remora.yaml:2:42 consul.tls.certFile: found certFile without keyFile, expected both, or neither',
  ],
  [
    'two tokens',
    web('consul: { token: a, tokenFile: b }\n'),
    'remora.yaml:2:21 consul.tokenFile: found tokenFile beside token, expected one of the two',
  ],
  [
    'what only Consul can do without Consul',
    web('outbound: { port: 1, discover: true }\n').replace('8080', '8080, register: {}'),
    'remora.yaml:1:35 service.register: found register without Consul, expected consul, or CONSUL_HTTP_ADDR set',
    'remora.yaml:2:32 outbound.discover: found discover without Consul, expected consul, or CONSUL_HTTP_ADDR set',
  ],
  [
    'a static service nobody calls',
    web('upstreams: { orders: {} }\nstatic: { ordres: ["a:1"] }\n'),
    'remora.yaml:2:14 upstreams.orders: found no source of endpoints, expected endpoints under static.orders, or consul; did you mean static ordres?',
    'remora.yaml:3:11 static.ordres: found endpoints that no upstream uses, expected the service of an upstream; did you mean orders?',
  ],
  [
    'an endpoint given twice',
    web('upstreams: { a: {} }\nstatic: { a: ["a:1", "a:1"] }\n'),
    'remora.yaml:3:22 static.a[1]: found an endpoint that is listed already, expected each endpoint once; use weight for a larger share',
  ],
  [
    'a filter for static endpoints',
    web('upstreams: { a: { filter: x == y } }\nstatic: { a: ["a:1"] }\n'),
    'remora.yaml:2:27 upstreams.a.filter: found filter for a service that is static, expected no filter, which only Consul understands',
  ],
  [
    'a name that no Host can be',
    web('consul: {}\nupstreams: { Orders: {} }\n'),
    'remora.yaml:3:14 upstreams.Orders: found "Orders", expected a name in lower case, of letters, digits, "-" and "_", that begins and ends with a letter or digit',
  ],
];

describe('a bad file is refused line by line', () => {
  it.each(cases)('%s', (_what, text, ...lines) => {
    expect(complaints(text)).toEqual(lines);
  });
});

it('finds everything at once, wrong values and contradictions among the right ones', () => {
  const text = web(`inbound: { port: x }
outbound: { port: 8080 }
upstrems: {}
upstreams:
  a: { protocol: tcp, timeouts: { connect: 5 } }
admin: { port: 1, port: 2 }
telemetry:
`);
  expect(complaints(text)).toEqual([
    'remora.yaml:2:18 inbound.port: found "x", expected a port from 0 (any free one) to 65535',
    'remora.yaml:3:19 outbound.port: found 127.0.0.1:8080, which service.port has already, expected a port of its own, or 0',
    expect.stringMatching(/^remora.yaml:4:1 upstrems: found an unknown key, .*; did you mean upstreams\?$/),
    expect.stringContaining('remora.yaml:6:3 upstreams.a: found no source of endpoints'),
    'remora.yaml:6:18 upstreams.a.protocol: found tcp without a port, expected a port of its own beside it',
    'remora.yaml:6:44 upstreams.a.timeouts.connect: found 5, expected a duration such as 500ms or 15s, or 0 for none',
    'remora.yaml:7:19 admin.port: found the key a second time, expected each key once',
    'remora.yaml:8:1 telemetry: found nothing, expected a value; leave the key out, or write {} for an empty map',
  ]);
});

it('does not let a wrong value hide that its upstream has no source, nor blame what is wrong on others', () => {
  const text = web(`upstreams:
  orders: { timeouts: { connect: 5 } }
  cache: { retry: { maxAttempts: 0 } }
static:
  orders: ["x"]
  orderz: ["a:1"]
`);
  expect(complaints(text)).toEqual([
    expect.stringContaining('remora.yaml:3:34 upstreams.orders.timeouts.connect: found 5'),
    expect.stringContaining('remora.yaml:4:3 upstreams.cache: found no source of endpoints'),
    expect.stringContaining('remora.yaml:4:34 upstreams.cache.retry.maxAttempts: found 0'),
    expect.stringContaining('remora.yaml:6:12 static.orders[0]: found "x"'),
    expect.stringContaining('remora.yaml:7:3 static.orderz: found endpoints that no upstream uses'),
  ]);
});

it('names the other lines of a contradiction below it', () => {
  const text = web(`consul: {}
upstreams:
  orders:
    hedge: { delay: 2s }
    retry: { maxAttempts: 1 }
    timeouts: { request: 1s }
`);
  expect(formatProblems(parseConfig(text) as []).split('\n')).toEqual([
    'remora.yaml:5:5 upstreams.orders.hedge: found hedge with maxAttempts 1, expected retry.maxAttempts of at least 2, since a hedge is a second attempt',
    '  beside remora.yaml:6:14 upstreams.orders.retry.maxAttempts',
    'remora.yaml:5:21 upstreams.orders.hedge.delay: found 2s, expected less than timeouts.request, which is 1s',
    '  beside remora.yaml:7:17 upstreams.orders.timeouts.request',
    '2 problems',
  ]);
});

it.each([
  [
    'of what may not be repeated',
    'hedge: { methods: [GET, POST] }',
    'hedge.methods[1]: found hedging of POST, expected a method that may be repeated: GET, HEAD, OPTIONS, PUT, DELETE',
  ],
  [
    'after a delay and a percentile',
    'hedge: { delay: 5ms, percentile: 0.9 }',
    'hedge.percentile: found percentile beside delay, expected one of the two',
  ],
  [
    'of opaque bytes',
    'protocol: tcp, port: 9000, hedge: {}',
    'hedge: found hedge for protocol tcp, expected no hedge: what opaque connections carry cannot be sent twice',
  ],
  [
    'of calls that may not be made twice',
    'protocol: grpc, hedge: {}',
    'hedge: found hedge of gRPC calls, expected retry.grpcIdempotent: true beside it, if calls may be made twice',
  ],
])('refuses hedging %s', (_what, keys, line) => {
  const lines = complaints(web(`consul: {}\nupstreams: { orders: { ${keys} } }\n`));
  expect(lines.map((text) => text.replace(/^.*? upstreams\.orders\./, ''))).toEqual([line]);
});

it('says how many problems there are below them', () => {
  const count = (text: string) =>
    formatProblems(parseConfig(text) as [])
      .split('\n')
      .at(-1);
  expect(count('- a')).toBe('1 problem');
  expect(count('service: {}')).toBe('2 problems');
});

it('does not let a short text grow into an endless one', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((to, i) => `${to}: &${to} [${Array(9).fill(`*${'abcdefgh'[i]}`).join()}]`).join('\n')}\n`;
  expect(complaints(bomb)[0]).toBe(
    'remora.yaml:1:1: found values nested or repeated without end, expected a document of ordinary size',
  );
  expect(complaints('a: &a [*a]\n')[0]).toMatch(/found values nested or repeated without end/);
  for (const deep of [`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`, '['.repeat(20_000), '- '.repeat(20_000)]) {
    expect(complaints(deep)).toEqual([
      'remora.yaml:1:1: found values nested or repeated without end, expected a document of ordinary size',
    ]);
  }
});

it('refuses a file of a size no configuration has', () => {
  expect(complaints(`#${'x'.repeat(2 ** 20)}`)).toEqual([
    'remora.yaml:1:1: found 1048577 characters, expected at most 1048576',
  ]);
});

it.each([
  ['a number for a token', 'consul: { token: 5551234 }', '5551234'],
  [
    'a number for the value of a header',
    'telemetry: { otlp: { endpoint: "http://c", headers: { k: 5551234 } } }',
    '5551234',
  ],
  ['text for the headers', 'telemetry: { otlp: { endpoint: "http://c", headers: 5551234 } }', '5551234'],
  ['user and password', 'consul: { address: "http://user:s3cret@host:8500" }', 's3cret'],
  ['user and password without a scheme', 'consul: { address: "user:s3cret@host:8500" }', 's3cret'],
  [
    'user, password and key of a collector',
    'telemetry: { otlp: { endpoint: "http://u:s3cret@c/?k=s3cret" } }',
    's3cret',
  ],
  ['text where YAML breaks off', 'consul: { token: "a" s3cret }', 's3cret'],
  ['text after the end of a value', 'stateDir: "a" "s3cret"', 's3cret'],
])('does not show %s', (_what, line, secret) => {
  const lines = complaints(web(`${line}\n`));
  expect(lines).not.toEqual([]);
  expect(lines.join('\n')).not.toContain(secret);
});

it('does not show the user and password that the environment gives to the address of Consul', () => {
  const lines = complaints(web(), { env: { CONSUL_HTTP_ADDR: 'http://user:s3cret@host:8500' } });
  expect(lines).toEqual([
    'environment CONSUL_HTTP_ADDR consul.address: found "http://***@host:8500", expected http://host:port, https://host:port or unix:///path',
  ]);
});

it('says nothing of what is missing beside a key that is only misspelt', () => {
  expect(complaints(web('consul: {}\nupstreams: { a: { balancer: maglev, hash: { header: x-user } } }\n'))).toEqual([
    expect.stringMatching(/upstreams\.a\.balancer: found an unknown key, .*; did you mean balance\?$/),
  ]);
});
