import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailureCode } from '../../src/base/failure.ts';
import { eventually } from '../support/eventually.ts';
import { integer, plainString } from '../support/hpack-bytes.ts';
import {
  block,
  continuation,
  data,
  frame,
  GET,
  get,
  goAway,
  headers,
  OK,
  openHeaders,
  POST,
  PREFACE,
  ping,
  post,
  priority,
  reset,
  settings,
  TYPES,
  windowUpdate,
} from '../support/http2-frames.ts';
import { Sidecar } from '../support/sidecar.ts';
import { BadHttp2Endpoint, Canary, Http2Origin, Http2Peer } from './http2-attacker.ts';
import { sendOne } from './load.ts';
import { NO_BREAKER } from './scene.ts';

const MIB = 1_048_576;
/** As in `hostile.test.ts`: what the attackers offer is many times as much. */
const MAX_GROWTH = 120 * MIB;
const MAX_CREEP = 64 * MIB;

const NOTHING = Buffer.alloc(0);
const WINDOW_SETTING = 4;
const idOf = (at: number): number => at * 2 + 1;
const held = (method: string): Buffer =>
  block([':method', method], [':scheme', 'http'], [':authority', 'a.test'], [':path', '/hold']);
const HOLD = held('GET');
const HOLD_POST = held('POST');
const BIG = block([':method', 'GET'], [':scheme', 'http'], [':authority', 'a.test'], [':path', '/big']);

/** A field of 4 KB for the table, and a block that names it so many times. */
const bomb = (name: string, times: number): Buffer =>
  Buffer.concat([
    GET,
    integer(0x40, 6, 0),
    plainString(name),
    plainString('x'.repeat(4_000)),
    Buffer.alloc(times, 0xbe),
  ]);

interface Attack {
  readonly what: string;
  readonly count: number;
  readonly say: (at: number) => readonly Buffer[];
  readonly before?: readonly Buffer[];
  readonly code: string;
  readonly failure: FailureCode;
}

const ABUSE = { code: 'ENHANCE_YOUR_CALM', failure: 'protocol_abuse' } as const;
const BROKEN = { code: 'PROTOCOL_ERROR', failure: 'bad_request' } as const;

/** What costs its client the connection, whatever it is paid back with. */
const FLOODS: readonly Attack[] = [
  { what: 'rapid resets', count: 20_000, say: (at) => [headers(idOf(at), GET), reset(idOf(at))], ...ABUSE },
  {
    what: 'resets it makes us send, by WINDOW_UPDATE 0',
    count: 20_000,
    say: (at) => [headers(idOf(at), HOLD), windowUpdate(idOf(at), 0)],
    ...ABUSE,
  },
  {
    what: 'resets it makes us send, by DATA behind the end',
    count: 20_000,
    say: (at) => [headers(idOf(at), HOLD), data(idOf(at), 'x')],
    ...ABUSE,
  },
  {
    what: 'CONTINUATION without end',
    before: [headers(1, GET, 0)],
    count: 3_000,
    say: () => [continuation(1, Buffer.alloc(16_000), 0)],
    ...ABUSE,
  },
  {
    what: 'empty CONTINUATION without end',
    before: [headers(1, GET, 0)],
    count: 100_000,
    say: () => [continuation(1, NOTHING, 0)],
    ...ABUSE,
  },
  { what: 'empty HEADERS', count: 100_000, say: (at) => [headers(idOf(at), NOTHING)], ...ABUSE },
  {
    what: 'empty DATA',
    before: [openHeaders(1, POST)],
    count: 100_000,
    say: () => [data(1, NOTHING, 0)],
    ...ABUSE,
  },
  { what: 'PRIORITY', count: 100_000, say: (at) => [priority(idOf(at), 0)], ...ABUSE },
  { what: 'WINDOW_UPDATE', count: 100_000, say: () => [windowUpdate(0, 1)], ...ABUSE },
  { what: 'frames of no known type', count: 100_000, say: () => [frame(0x7f, 0, 0)], ...ABUSE },
  { what: 'names of no length', count: 20_000, say: (at) => [headers(idOf(at), get(['', 'x']))], ...ABUSE },
  {
    what: 'a window that overflows',
    count: 1,
    say: () => [windowUpdate(0, 0x7fff_ffff)],
    code: 'FLOW_CONTROL_ERROR',
    failure: 'bad_request',
  },
  {
    what: 'a block that cannot be decoded',
    count: 1,
    say: () => [headers(1, Buffer.alloc(40, 0xff))],
    code: 'COMPRESSION_ERROR',
    failure: 'bad_request',
  },
  {
    what: 'frames above the announced size',
    count: 1,
    say: () => [headers(1, Buffer.alloc(16_385))],
    code: 'FRAME_SIZE_ERROR',
    failure: 'bad_request',
  },
  { what: 'DATA on a stream that never was', count: 1, say: () => [data(7, 'x')], ...BROKEN },
  { what: 'another frame inside a block', count: 1, say: () => [headers(1, GET, 0), ping()], ...BROKEN },
];

/** What costs its stream alone, and never reaches an endpoint. */
const MALFORMED: readonly (readonly [what: string, frames: readonly Buffer[]])[] = [
  ['a name of no length', [headers(1, get(['', 'x']))]],
  ['a name in upper case', [headers(1, get(['X-A', 'x']))]],
  ['CRLF in a value', [headers(1, get(['a', 'x\r\nb: c']))]],
  ['CRLF in a name', [headers(1, get(['a\r\nb', 'x']))]],
  ['NUL in a value', [headers(1, get(['a', 'x\0']))]],
  ['transfer-encoding', [headers(1, get(['transfer-encoding', 'chunked']))]],
  ['connection', [headers(1, get(['connection', 'close']))]],
  ['te: gzip', [headers(1, get(['te', 'gzip']))]],
  ['another host', [headers(1, get(['host', 'b.test']))]],
  ['a path twice', [headers(1, Buffer.concat([block([':path', '/']), GET]))]],
  [
    'CRLF in a path',
    [headers(1, Buffer.concat([block([':path', '/\r\nx'], [':method', 'GET'], [':scheme', 'http'])]))],
  ],
  ['a length and no body', [headers(1, post(['content-length', '5']))]],
  ['less than its length', [openHeaders(1, post(['content-length', '5'])), data(1, 'abc')]],
  ['two lengths', [openHeaders(1, post(['content-length', '1'], ['content-length', '2'])), data(1, 'a')]],
  ['trailers that do not end', [openHeaders(1, POST), openHeaders(1, block(['x', '1']))]],
];

/** What an endpoint does once it is asked, and what its caller is told. */
const ENDPOINTS: readonly (readonly [
  what: string,
  attack: (peer: Http2Peer) => void,
  failures: readonly FailureCode[],
])[] = [
  ['PING', (peer) => peer.flood(100_000, () => [ping()]), ['bad_response', 'upstream_reset']],
  ['SETTINGS', (peer) => peer.flood(100_000, () => [settings()]), ['bad_response']],
  ['WINDOW_UPDATE', (peer) => peer.flood(100_000, () => [windowUpdate(0, 1)]), ['bad_response']],
  [
    'CONTINUATION',
    (peer) => {
      peer.say(headers(1, OK, 0));
      return peer.flood(100_000, () => [continuation(1, NOTHING, 0)]);
    },
    ['bad_response'],
  ],
  [
    'interim answers',
    (peer) => peer.flood(100_000, () => [openHeaders(1, block([':status', '103']))]),
    ['bad_response'],
  ],
  [
    'an HPACK bomb',
    (peer) =>
      peer.say(
        headers(
          1,
          Buffer.concat([
            OK,
            integer(0x40, 6, 0),
            plainString('a'),
            plainString('x'.repeat(4_000)),
            Buffer.alloc(10_000, 0xbe),
          ]),
        ),
      ),
    ['bad_response'],
  ],
  ['a window that overflows', (peer) => peer.say(windowUpdate(0, 0x7fff_ffff)), ['bad_response']],
  [
    'a pushed stream',
    (peer) => peer.say(frame(TYPES.PUSH_PROMISE, 4, 1, Buffer.concat([Buffer.from([0, 0, 0, 2]), GET]))),
    ['bad_response'],
  ],
  ['a table it does not have', (peer) => peer.say(headers(1, Buffer.alloc(20, 0xff))), ['bad_response']],
  [
    'no HTTP/2',
    (peer) => peer.say(Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')),
    ['bad_response'],
  ],
  ['a status twice', (peer) => peer.say(headers(1, Buffer.concat([OK, OK]))), ['bad_response']],
  ['CRLF in a value', (peer) => peer.say(headers(1, Buffer.concat([OK, block(['a', 'b\r\nc: d'])]))), ['bad_response']],
  ['a reset', (peer) => peer.say(reset(1, 2)), ['upstream_reset']],
  ['an end of all', (peer) => peer.say(goAway(0, 0)), ['stream_refused', 'upstream_reset']],
];

describe.each(['data', 'handle'])('attacked in HTTP/2, %s,', (transport) => {
  let origin: Http2Origin;
  let bad: BadHttp2Endpoint;
  let plain: Server;
  let plainRequests = 0;
  let sidecar: Sidecar;
  let canary: Canary;
  let residentBefore: number;

  beforeAll(async () => {
    [origin, bad] = await Promise.all([Http2Origin.start(), BadHttp2Endpoint.start()]);
    plain = createServer((request, response) => {
      plainRequests++;
      request.resume();
      response.end('ok');
    });
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    sidecar = await Sidecar.start(
      {
        service: { name: 'web', port: 1 },
        http: { headTimeout: '1s', clientIdle: '2s' },
        upstreams: {
          calls: { port: 0, protocol: 'grpc', breaker: NO_BREAKER, timeouts: { streamIdle: '3s' } },
          orders: { port: 0 },
          bad: { port: 0, protocol: 'http2', breaker: NO_BREAKER, retry: { maxAttempts: 1 } },
        },
        static: {
          calls: [origin.address],
          orders: [`127.0.0.1:${(plain.address() as AddressInfo).port}`],
          bad: [bad.address],
        },
      },
      { args: ['--transport', transport] },
    );
    canary = new Canary(port('calls'));
    await canary.progress(50);
    residentBefore = resident();
  });

  afterAll(async () => {
    await sidecar.kill();
    plain.close();
    await Promise.all([origin.stop(), bad.stop()]);
  });

  const port = (name: string): number => sidecar.port(name);
  const rejects = (failure: FailureCode, listener = 'calls'): Promise<number> =>
    sidecar.metric('remora_rejects_total', { listener, failure });

  function resident(): number {
    const status = readFileSync(`/proc/${sidecar.pid}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
  }

  it.each(FLOODS)('$what: $code', async ({ say, count, before = [], code, failure }) => {
    const told = await rejects(failure);
    const peer = await Http2Peer.connect(port('calls'));
    peer.say(...before);
    await peer.flood(count, say);
    await peer.hears('GOAWAY');
    expect(peer.goAway).toBe(code);
    await peer.over();
    expect(await rejects(failure)).toBeGreaterThan(told);
  });

  it.each([
    ['PING', () => ping()],
    ['SETTINGS', () => settings()],
  ])('%s whose answers are not read: ENHANCE_YOUR_CALM', async (_, make) => {
    const told = await rejects('protocol_abuse');
    const peer = await Http2Peer.connect(port('calls'));
    peer.socket.pause();
    await peer.flood(20_000, () => [make()]);
    expect(await eventually(async () => (await rejects('protocol_abuse')) - told)).toBe(1);
    peer.socket.resume();
    await peer.hears('GOAWAY');
    expect(peer.goAway).toBe(ABUSE.code);
    peer.leave();
  });

  it.each(MALFORMED)('%s costs its stream alone, and no byte of it goes on', async (_, frames) => {
    const [told, asked] = [await sidecar.metric('remora_rejects_total', { failure: 'bad_request' }), plainRequests];
    const peer = await Http2Peer.connect(port('orders'));
    peer.say(...frames);
    await peer.hears('RST_STREAM 1 ');
    expect(peer.resetOf(1)).toBe('PROTOCOL_ERROR');
    peer.say(headers(3, GET));
    await peer.hears('DATA 3');
    peer.leave();
    expect(plainRequests).toBe(asked + 1);
    const failed =
      (await sidecar.metric('remora_rejects_total', { failure: 'bad_request' })) +
      (await sidecar.metric('remora_requests_total', { failure: 'bad_request' }));
    expect(failed).toBeGreaterThan(told);
  });

  it('lists that decode to gigabytes cost their requests alone', async () => {
    const told = await rejects('head_too_large');
    const peer = await Http2Peer.connect(port('calls'));
    for (const [at, name] of ['a', 'cookie'].entries()) {
      peer.say(headers(idOf(at * 2), bomb(name, 12_000)));
      await peer.hears(`HEADERS ${idOf(at * 2)}`);
    }
    expect(await rejects('head_too_large')).toBe(told + 2);
    peer.say(headers(7, GET));
    await peer.hears('DATA 7');
    peer.leave();
  });

  it('ninety crumbs of a cookie beside fifteen fields are one request', async () => {
    const crumbs = Array.from({ length: 90 }, (_, at) => ['cookie', `c${at}=${at}`] as const);
    const fields = Array.from({ length: 15 }, (_, at) => [`x-${at}`, 'y'] as const);
    const peer = await Http2Peer.connect(port('calls'));
    peer.say(headers(1, get(...fields, ...crumbs)));
    await peer.hears('DATA 1');
    expect(origin.lastCookie).toBe(crumbs.map(([, crumb]) => crumb).join('; '));
    peer.leave();
  });

  it('a body of single bytes arrives, and costs what it holds', async () => {
    const peer = await Http2Peer.connect(port('calls'));
    peer.say(openHeaders(1, POST));
    await peer.flood(60_000, () => [data(1, 'x', 0)]);
    peer.say(data(1, 'x'));
    await peer.hears('DATA 1');
    expect(origin.lastBytes).toBe(60_001);
    peer.leave();
  });

  it('a thousand open streams: those above a hundred are refused, and may be asked again', async () => {
    const told = await rejects('too_many_streams');
    const peer = await Http2Peer.connect(port('calls'));
    for (let at = 0; at < 150; at++) peer.say(openHeaders(idOf(at), HOLD_POST));
    await eventually(() => peer.count('RST_STREAM') === 50);
    expect(new Set(Array.from({ length: 50 }, (_, at) => peer.resetOf(idOf(100 + at))))).toEqual(
      new Set(['REFUSED_STREAM']),
    );
    expect(await rejects('too_many_streams')).toBe(told + 50);
    peer.say(reset(1), headers(idOf(150), GET));
    await peer.hears(`DATA ${idOf(150)}`);
    for (let at = 151; at < 1_000; at++) peer.say(openHeaders(idOf(at), HOLD_POST));
    await peer.hears('GOAWAY');
    expect(peer.goAway).toBe(ABUSE.code);
    await peer.over();
    await eventually(() => origin.open <= 2);
  });

  it('a hundred answers for a window of nothing are held within bounds, and given up', async () => {
    const told = await givenUp();
    const [stays, leaves] = await Promise.all([0, 1].map(() => Http2Peer.connect(port('calls'), [WINDOW_SETTING, 0])));
    const before = resident();
    // What is on its way to the endpoint beside them, on a connection that they fill, waits as they do. What comes later
    // is put on another one.
    await canary.rest();
    for (let at = 0; at < 100; at++) for (const peer of [stays!, leaves!]) peer.say(headers(idOf(at), BIG));
    await eventually(() => stays!.count('HEADERS') === 100 && leaves!.count('HEADERS') === 100);
    canary.wake();
    await canary.progress(20);
    expect(resident() - before).toBeLessThan(MAX_CREEP);
    leaves!.leave();
    await eventually(async () => (await active()) <= 110);
    await eventually(() => stays!.count('RST_STREAM') === 100);
    // Those that came this far stopped at their client, the others behind them.
    expect((await givenUp()) - told).toBe(100);
    stays!.leave();
  });

  it('three hundred that come back with an overflow leave nothing behind', async () => {
    const before = resident();
    for (let at = 0; at < 300; at++) {
      const peer = await Http2Peer.connect(port('calls'));
      peer.say(openHeaders(1, HOLD_POST), windowUpdate(0, 0x7fff_ffff));
      await peer.hears('GOAWAY');
      peer.leave();
    }
    expect(resident() - before).toBeLessThan(MAX_CREEP);
  });

  it('beginnings without an end are waited for as long as a head is', async () => {
    const told = await rejects('head_timeout');
    const beginnings = [
      [PREFACE.subarray(0, 10)],
      [PREFACE],
      [PREFACE, settings().subarray(0, 5)],
      [PREFACE, settings(), headers(1, GET, 0)],
      [PREFACE, settings(), headers(1, GET).subarray(0, 12)],
    ];
    const peers = await Promise.all(Array.from({ length: 200 }, () => Http2Peer.connectMute(port('calls'))));
    for (const [at, peer] of peers.entries()) peer.say(...beginnings[at % beginnings.length]!);
    await Promise.all(peers.map((peer) => peer.over()));
    expect(await rejects('head_timeout')).toBe(told + 200);
    expect(peers.every(({ goAway: code }) => code === 'NO_ERROR')).toBe(true);
  });

  it('a client that asks nothing is sent away when it is idle', async () => {
    const peers = await Promise.all(Array.from({ length: 100 }, () => Http2Peer.connect(port('calls'))));
    await Promise.all(peers.map((peer) => peer.over()));
    expect(peers.every(({ goAway: code }) => code === 'NO_ERROR')).toBe(true);
  });

  it.each(ENDPOINTS)(
    'an endpoint that answers with %s costs its connection or its request',
    async (_, attack, failures) => {
      bad.attack = attack;
      const { status, failure } = await sendOne(port('bad'), 'x', 'GET');
      expect(status).toBeOneOf([502, 503]);
      expect(failures).toContain(failure);
      for (const peer of bad.peers) peer.leave();
      await eventually(() => bad.peers.size === 0);
    },
  );

  it('an answer of single bytes arrives', async () => {
    bad.attack = (peer) => {
      peer.say(openHeaders(1, OK));
      void peer.flood(60_000, () => [data(1, 'x', 0)]).then(() => peer.say(data(1, 'x')));
    };
    const answer = await fetch(`http://127.0.0.1:${port('bad')}/`);
    expect((await answer.text()).length).toBe(60_001);
    for (const peer of bad.peers) peer.leave();
  });

  async function givenUp(): Promise<number> {
    const of = (failure: FailureCode): Promise<number> =>
      sidecar.metric('remora_requests_total', { upstream: 'calls', failure });
    return (await of('client_idle')) + (await of('response_idle'));
  }

  async function active(): Promise<number> {
    return (await sidecar.metric('remora_requests_active')) + (await sidecar.metric('remora_endpoint_active'));
  }

  it('has served everybody else meanwhile, and has forgotten all of it', async () => {
    await canary.stop();
    expect(canary.failed).toEqual([]);
    await eventually(async () => (await active()) === 0);
    await eventually(async () => (await sidecar.metric('remora_connections_active')) === 0);
    expect(await sidecar.metric('remora_bugs_total')).toBe(0);
    expect(sidecar.stray).toBe('');
    expect(resident() - residentBefore).toBeLessThan(MAX_GROWTH);
  });
});
