import { describe, expect, it } from 'vitest';
import { integer, plainString } from '../support/hpack-bytes.ts';
import {
  ACK,
  block,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  get,
  headers,
  OK,
  openHeaders,
  POST,
  PREFACE,
  padded,
  ping,
  post,
  priority,
  reset,
  SETTINGS_ACK,
  settings,
  TYPES,
  windowUpdate,
} from '../support/http2-frames.ts';
import { OPTIONS, type RecordingStream, SessionScript } from '../support/http2-script.ts';

const NOTHING = Buffer.alloc(0);
const { maxResets, maxUselessFrames } = OPTIONS;

function server(options = {}): SessionScript {
  return new SessionScript(true, options).begin();
}

/** Says `step(0)`, `step(1)` .. until the session has had enough; answers after how many, or that it never had. */
function survives(script: SessionScript, step: (at: number) => readonly Buffer[], most = 20_000): number {
  for (let at = 0; at < most; at++) {
    script.say(...step(at));
    if (script.session.isOver) return at + 1;
    script.wire.take();
  }
  return Number.POSITIVE_INFINITY;
}

function expectCalmed(script: SessionScript): void {
  expect(script.session.isOver).toBe(true);
  expect(script.sent().at(-1)).toMatch(/^GOAWAY \d+ ENHANCE_YOUR_CALM$/);
  expect(script.log.some((line) => line.startsWith('abused: '))).toBe(true);
  expect(script.session.openCount).toBe(0);
  expect(script.budget.takenBytes).toBe(0);
  script.say(ping(), headers(100_001, GET));
  expect(script.sent()).toEqual([]);
}

const idOf = (at: number) => at * 2 + 1;

describe('resets beyond what ends well', () => {
  it.each<[string, (at: number) => Buffer[]]>([
    ['by the peer (CVE-2023-44487)', (at) => [headers(idOf(at), POST, END_HEADERS), reset(idOf(at))]],
    ['by WINDOW_UPDATE 0 (CVE-2025-8671)', (at) => [openHeaders(idOf(at), POST), windowUpdate(idOf(at), 0)]],
    ['by a window above its limit', (at) => [openHeaders(idOf(at), POST), windowUpdate(idOf(at), 0x7fff_ffff)]],
    [
      'by a length that is not kept',
      (at) => [openHeaders(idOf(at), post(['content-length', '1'])), data(idOf(at), 'ab')],
    ],
    ['by a stream that depends on itself', (at) => [dependent(idOf(at))]],
    ['by malformed heads', (at) => [headers(idOf(at), get(['', 'x']))]],
    ['by trailers that do not end', (at) => [openHeaders(idOf(at), POST), openHeaders(idOf(at), block(['x', '1']))]],
  ])('end the connection: %s', (_what, step) => {
    const script = server();
    expect(survives(script, step)).toBe(maxResets + 1);
    expectCalmed(script);
  });

  it('end it by frames for streams whose request is complete', () => {
    const script = new SessionScript(true).begin([4, 0]);
    expect(survives(script, (at) => [headers(idOf(at), GET), data(idOf(at), 'x')])).toBe(maxResets + 1);
    expectCalmed(script);
  });

  it('end it by requests that are refused', () => {
    const script = server({ maxStreams: 1 });
    script.say(openHeaders(1, POST));
    expect(survives(script, (at) => [headers(idOf(at + 1), GET)])).toBe(maxResets + 1);
    expectCalmed(script);
    expect(script.log.filter((line) => line === 'refused')).toHaveLength(maxResets + 1);
  });

  it('are forgiven for what ends well, one for one and for ever', () => {
    const script = server();
    const step = (at: number) => [openHeaders(idOf(at * 2), POST), reset(idOf(at * 2)), headers(idOf(at * 2 + 1), GET)];
    expect(survives(script, step, 2_000)).toBe(Number.POSITIVE_INFINITY);
  });

  it('are forgiven with time, so that who cancels all it asks for may do so slowly', () => {
    const script = server();
    const step = (at: number) => {
      script.clock.advance(1_000);
      return [openHeaders(idOf(at), POST), reset(idOf(at))];
    };
    expect(survives(script, step, maxResets * 4)).toBe(Number.POSITIVE_INFINITY);
  });

  it('leave no room to be saved up by waiting twice for the same time', () => {
    const script = server();
    script.clock.advance(50_000);
    const step = (at: number) => [openHeaders(idOf(at), POST), reset(idOf(at))];
    expect(survives(script, step)).toBe(maxResets + 51);
  });

  it('free the slot and tell the reader once', () => {
    const script = server({ maxStreams: 1, maxResets: 10 });
    script.say(openHeaders(1, POST), reset(1), openHeaders(3, POST), reset(3));
    expect(script.log).toEqual(['1 head', '1 reset CANCEL', 'quiet', '3 head', '3 reset CANCEL', 'quiet']);
  });
});

function dependent(id: number): Buffer {
  const on = Buffer.alloc(5);
  on.writeUInt32BE(id);
  return headers(id, Buffer.concat([on, GET]), END_STREAM | END_HEADERS | 0x20);
}

describe('frames that move nothing', () => {
  it.each<[string, (at: number) => Buffer[]]>([
    ['PING (CVE-2019-9512)', () => [ping()]],
    ['answers to no PING', () => [ping('12345678', ACK)]],
    ['SETTINGS (CVE-2019-9515)', () => [settings()]],
    ['acknowledgements of no SETTINGS', () => [SETTINGS_ACK]],
    ['SETTINGS that change windows', (at) => [settings([4, at])]],
    ['PRIORITY (CVE-2019-9513)', () => [priority(1, 3)]],
    ['WINDOW_UPDATE', () => [windowUpdate(0, 1)]],
    ['WINDOW_UPDATE of a stream', () => [windowUpdate(1, 1)]],
    ['WINDOW_UPDATE of a closed stream', () => [windowUpdate(3, 1)]],
    ['RST_STREAM of a closed stream', () => [reset(3)]],
    ['empty DATA (CVE-2019-9518)', () => [data(1, '', 0)]],
    ['DATA of padding alone', () => [padded(TYPES.DATA, 1, 0, 0, NOTHING)]],
    ['empty DATA for a stream that was reset', () => [data(5, '', 0)]],
    ['heads for a stream that was reset', () => [headers(5, block(['x', '1']))]],
    ['GOAWAY', () => [frame(TYPES.GOAWAY, 0, 0, Buffer.alloc(8))]],
    ['unknown frames', () => [frame(0x99, 0, 0)]],
  ])('end the connection when there are too many: %s', (_what, step) => {
    const script = server();
    // 1 is open, 3 has ended, 5 was reset here.
    script.say(openHeaders(1, POST), headers(3, GET), openHeaders(5, POST), windowUpdate(5, 0));
    script.wire.take();
    const frames = survives(script, step);
    expect(frames).toBeGreaterThan(maxUselessFrames / 2 - 10);
    expect(frames).toBeLessThanOrEqual(maxUselessFrames + 1);
    expectCalmed(script);
  });

  it('come from endpoints too: interim answers without end', () => {
    const script = new SessionScript(false).begin();
    script.request();
    expect(survives(script, () => [openHeaders(1, block([':status', '103']))])).toBeLessThanOrEqual(
      maxUselessFrames + 1,
    );
    expectCalmed(script);
    expect(script.log).toContain('1 abused');
  });

  it('come from endpoints too: PING', () => {
    const script = new SessionScript(false).begin();
    script.request();
    expect(survives(script, () => [ping()])).toBeLessThanOrEqual(maxUselessFrames + 11);
    expectCalmed(script);
  });

  it('are no offence at the pace of a keep-alive', () => {
    const script = server();
    const step = () => {
      script.clock.advance(10_000);
      return [ping()];
    };
    expect(survives(script, step, maxUselessFrames * 3)).toBe(Number.POSITIVE_INFINITY);
  });

  it('are nothing more once there were too many, in the same read', () => {
    const script = server();
    script.say(...Array.from({ length: 5_000 }, () => settings()));
    expectCalmed(script);
    expect(script.log.filter((line) => line === 'settings')).toHaveLength(maxUselessFrames);
  });
});

describe('a peer that does not read', () => {
  it.each<[string, (at: number) => Buffer[]]>([
    ['PING', () => [ping()]],
    ['SETTINGS', () => [settings()]],
    ['resets', (at) => [openHeaders(idOf(at), POST), windowUpdate(idOf(at), 0)]],
    ['whole answers', (at) => [headers(idOf(at), GET)]],
  ])('is left after a thousand answers: %s', (_what, step) => {
    const script = server({ maxUselessFrames: 1_000_000, maxResets: 1_000_000 });
    if (_what === 'whole answers') script.onEnd = (stream) => stream.answer('');
    script.wire.isFull = true;
    const answers = survives(script, step);
    expect(answers).toBeGreaterThan(900);
    expect(answers).toBeLessThanOrEqual(1_003);
    expectCalmed(script);
  });

  it('is left within one read', () => {
    const script = server({ maxUselessFrames: 1_000_000 });
    script.wire.isFull = true;
    script.say(...Array.from({ length: 7_000 }, (_, at) => (at % 2 === 0 ? ping() : settings())));
    expectCalmed(script);
  });

  it('is none when it reads now and then', () => {
    const script = server({ maxUselessFrames: 1_000_000 });
    for (let round = 0; round < 10; round++) {
      script.wire.isFull = true;
      script.say(...Array.from({ length: 900 }, () => ping()));
      script.drain();
    }
    expect(script.session.isOver).toBe(false);
  });
});

describe('header blocks without end', () => {
  it('are given up after eight continuations (CVE-2024-27983)', () => {
    const script = server();
    script.say(headers(1, GET, END_STREAM));
    expect(survives(script, () => [continuation(1, block(['x', 'y']), 0)])).toBe(9);
    expectCalmed(script);
  });

  it('are given up when they are empty', () => {
    const script = server();
    script.say(headers(1, NOTHING, END_STREAM));
    expect(survives(script, () => [continuation(1, NOTHING, 0)])).toBe(9);
    expectCalmed(script);
  });

  it('are given up when they are larger than any list', () => {
    const script = server();
    script.say(headers(1, Buffer.alloc(16_384), END_STREAM));
    expect(survives(script, () => [continuation(1, Buffer.alloc(16_384), 0)])).toBe(4);
    expectCalmed(script);
  });

  it('are read up to there', () => {
    const script = server();
    const fields = get(...Array.from({ length: 60 }, (_, at) => [`x-${at}`, 'v'.repeat(900)] as const));
    script.say(headers(1, fields.subarray(0, 16_384), END_STREAM));
    for (let at = 16_384; at < fields.length; at += 16_384) {
      const end = at + 16_384;
      script.say(continuation(1, fields.subarray(at, end), end >= fields.length ? END_HEADERS : 0));
    }
    expect(script.sent()).toEqual(['HEADERS 1', 'DATA 1 5 end']);
  });

  it('cost bounded memory when they expand (HPACK bomb)', () => {
    const script = server({ maxResets: 1_000_000 });
    const big = Buffer.concat([GET, integer(0x40, 6, 0), plainString('x'), plainString('v'.repeat(4_000))]);
    script.say(headers(1, big));
    const bomb = Buffer.concat([GET, Buffer.alloc(16_000, 0x80 | 62)]);
    script.onHead = (stream) => {
      expect(stream.block.problem).toBe('too_large');
      expect(stream.block.size).toBeLessThanOrEqual(20);
    };
    script.say(headers(3, bomb));
    expect(script.ends()).toEqual(['RST_STREAM 3 PROTOCOL_ERROR']);
  });

  it('count the crumbs of a cookie like any field (CVE-2026-47774), and let ninety of them pass', () => {
    const crumbs = (count: number) => Array.from({ length: count }, (_, at) => ['cookie', `a${at}=1`] as const);
    const script = server();
    script.say(headers(1, get(...crumbs(90), ...Array.from({ length: 15 }, (_, at) => [`x-${at}`, '1'] as const))));
    expect(script.sent()).toEqual(['HEADERS 1', 'DATA 1 5 end']);
    script.say(headers(3, get(...crumbs(200))));
    expect(script.ends()).toEqual(['RST_STREAM 3 PROTOCOL_ERROR']);
  });

  it('end with the connection when they are no HPACK', () => {
    const script = server();
    script.say(openHeaders(1, POST), headers(3, Buffer.alloc(9_000, 0xff)));
    expect(script.ends()).toEqual(['GOAWAY 3 COMPRESSION_ERROR']);
    expect(script.log).toEqual(['1 head', '1 broken', '3 broken', 'quiet', 'broken: header block not readable']);
  });
});

describe('bodies', () => {
  it('in pieces of a byte are kept together for a slow reader (CVE-2026-84304)', () => {
    const script = server();
    script.say(openHeaders(1, POST));
    const stream = script.stream(1);
    stream.hasRoom = false;
    for (let at = 0; at < 20_000; at++) script.say(data(1, 'x', 0));
    expect(script.session.isOver).toBe(false);
    expect(stream.held.size).toBe(19_999);
    stream.hasRoom = true;
    stream.resume();
    script.later();
    script.say(data(1, ''));
    expect(script.body(1)).toEqual(Buffer.alloc(20_000, 'x'));
    expect(script.log).toContain('1 end');
  });

  it('beyond the window of a stream cost the stream', () => {
    const script = server();
    script.say(openHeaders(1, POST));
    script.stream(1).hasRoom = false;
    survives(script, () => [data(1, Buffer.alloc(16_384), 0)], 4);
    expect(script.log).toEqual(['1 head', '1 violates FLOW_CONTROL_ERROR', 'quiet']);
    expect(script.session.isOver).toBe(false);
  });

  it('beyond the window of the connection cost the connection', () => {
    const script = server({ maxHeldBytes: 0 });
    script.say(openHeaders(1, POST), openHeaders(3, POST));
    script.stream(1).hasRoom = false;
    script.stream(3).hasRoom = false;
    // The first piece of each passes and gives credit only until something is held.
    survives(script, (at) => [data(at % 2 === 0 ? 1 : 3, Buffer.alloc(16_384), 0)], 10);
    expect(script.sent().at(-1)).toBe('GOAWAY 3 FLOW_CONTROL_ERROR');
    expect(script.log).toContain('broken: DATA beyond the window of the connection');
  });

  it('of refused requests may come long after their heads', () => {
    const script = server({ maxResets: 1_000 });
    const ids = Array.from({ length: 600 }, (_, at) => idOf(at));
    script.onEnd = () => undefined;
    script.say(...ids.map((id) => openHeaders(id, POST)), ...ids.map((id) => data(id, 'abc')));
    expect(script.session.isOver).toBe(false);
    expect(script.ends()).toHaveLength(500);
  });
});

describe('windows that stay shut', () => {
  const BIG = Buffer.alloc(65_536, 'x');

  function ask(script: SessionScript, count: number): RecordingStream[] {
    const asked: RecordingStream[] = [];
    script.onEnd = (stream) => {
      asked.push(stream);
      stream.sendHead([[':status', '200']]);
      expect(stream.send(BIG)).toBe(false);
    };
    script.say(...Array.from({ length: count }, (_, at) => headers(idOf(at), GET)));
    return asked;
  }

  it('leave a piece unsent for each stream, which costs none of them', () => {
    const script = new SessionScript(true, { maxHeldBytes: 65_536 }).begin([4, 0]);
    ask(script, 101);
    expect(script.ends()).toEqual(['RST_STREAM 201 REFUSED_STREAM']);
    script.later();
    expect(script.session.openCount).toBe(100);
    expect(script.session.sender.unsentBytes).toBe(100 * 65_536);
  });

  it('bound what is unsent; a second piece on top costs its stream, in a later event', () => {
    const script = new SessionScript(true, { maxHeldBytes: 10 * 65_536 }).begin([4, 0]);
    const asked = ask(script, 5);
    for (const stream of asked) for (let at = 0; at < 2; at++) expect(stream.send(BIG)).toBe(false);
    expect(script.session.sender.unsentBytes).toBeLessThanOrEqual(10 * 65_536);
    expect(script.ends()).toEqual([]);
    script.later();
    const ends = script.ends();
    expect(ends.length).toBeGreaterThan(0);
    for (const line of ends) expect(line).toMatch(/^RST_STREAM \d ENHANCE_YOUR_CALM$/);
    expect(script.log.filter((line) => line.endsWith('violates ENHANCE_YOUR_CALM'))).toHaveLength(ends.length);
    expect(script.session.openCount).toBe(5 - ends.length);
    for (const id of [...script.open.keys()]) script.say(reset(id));
    expect(script.session.sender.unsentBytes).toBe(0);
  });

  it('end the connection when it goes on like that', () => {
    const script = new SessionScript(true, { maxHeldBytes: 65_536 }).begin([4, 0]);
    ask(script, 0);
    for (let at = 0; at < 200 && !script.session.isOver; at++) {
      script.say(headers(idOf(at), GET));
      script.stream(idOf(at)).send(BIG);
      script.later();
    }
    expectCalmed(script);
    expect(script.session.sender.unsentBytes).toBe(0);
  });

  it('send nothing more of a stream that is to be reset', () => {
    const script = new SessionScript(true, { maxHeldBytes: 65_536 }).begin([4, 0]);
    const [, second] = ask(script, 2);
    for (let at = 0; at < 2; at++) expect(second!.send('more')).toBe(false);
    expect(script.session.sender.unsentBytes).toBe(65_536);
    second!.sendEnd();
    script.say(settings([4, 1_000_000]), windowUpdate(0, 1_000_000));
    expect(second!.send('behind what was dropped')).toBe(false);
    expect(script.sent().some((line) => line.startsWith('DATA 3'))).toBe(false);
    expect(second!.rooms).toBe(0);
    script.later();
    expect(script.ends()).toEqual(['RST_STREAM 3 ENHANCE_YOUR_CALM']);
  });

  it('leave alone a stream that was used again meanwhile', () => {
    const script = new SessionScript(true, { maxHeldBytes: 65_536 }).begin([4, 0]);
    ask(script, 2)[1]!.send('more');
    script.say(reset(3));
    script.onEnd = () => undefined;
    script.say(headers(5, GET));
    script.wire.take();
    script.later();
    expect(script.ends()).toEqual([]);
  });
});

describe('a connection that ends by an overflow again and again', () => {
  it('leaves nothing behind', () => {
    const script = new SessionScript(true);
    for (let round = 0; round < 300; round++) {
      const next = new SessionScript(true, {}, script.budget).begin();
      next.say(openHeaders(1, POST), windowUpdate(0, 0x7fff_ffff));
      expect(next.ends()).toEqual(['GOAWAY 1 FLOW_CONTROL_ERROR']);
      expect(next.session.openCount).toBe(0);
    }
    expect(script.budget.takenBytes).toBe(0);
  });
});

describe('a peer that is only busy', () => {
  it('is never taken for an abuser: pings, small windows, every second call cancelled, 100 streams', () => {
    const script = server({ maxResets: 50, maxUselessFrames: 200 });
    script.onEnd = () => undefined;
    let next = 1;
    const running: number[] = [];
    for (let round = 0; round < 3_000; round++) {
      while (running.length < 100) {
        running.push(next);
        script.say(openHeaders(next, POST), data(next, 'request'));
        script.stream(next).sendHead([[':status', '200']]);
        next += 2;
      }
      const id = running.splice((round * 31) % running.length, 1)[0]!;
      if (round % 2 === 0) {
        script.say(reset(id));
      } else {
        const stream = script.stream(id);
        stream.send(Buffer.alloc(100));
        stream.sendEnd();
      }
      // Two updates for a frame of DATA, and a ping to measure it.
      script.say(windowUpdate(0, 100), windowUpdate(running[0]!, 7), ping());
      script.wire.take();
    }
    expect(script.session.isOver).toBe(false);
    expect(script.session.openCount).toBe(99);
  });

  it('may widen windows twice for each frame of a long answer, given in large pieces', () => {
    const script = new SessionScript(true, { maxUselessFrames: 100 }).begin([4, 1_000_000]);
    script.onEnd = () => undefined;
    script.say(windowUpdate(0, 10_000_000), headers(1, GET));
    const stream = script.stream(1);
    stream.sendHead([[':status', '200']]);
    for (let round = 0; round < 50; round++) {
      stream.send(Buffer.alloc(40 * 16_384));
      expect(script.sent().filter((line) => line.startsWith('DATA')).length).toBeGreaterThanOrEqual(40);
      for (let at = 0; at < 40; at++) script.say(windowUpdate(0, 16_384), windowUpdate(1, 16_384));
    }
    expect(script.session.isOver).toBe(false);
  });
});

describe('an endpoint', () => {
  it.each<[string, readonly Buffer[], readonly string[]]>([
    ['DATA before the head', [data(1, 'x')], ['RST_STREAM 1 PROTOCOL_ERROR']],
    ['an answer to no request', [headers(3, OK)], ['GOAWAY 0 PROTOCOL_ERROR']],
    ['a stream of its own', [headers(2, OK)], ['GOAWAY 0 PROTOCOL_ERROR']],
    ['PUSH_PROMISE', [frame(TYPES.PUSH_PROMISE, END_HEADERS, 1, NOTHING)], ['GOAWAY 0 PROTOCOL_ERROR']],
    ['a second head', [openHeaders(1, OK), openHeaders(1, OK)], ['RST_STREAM 1 PROTOCOL_ERROR']],
    [
      'trailers without end',
      [openHeaders(1, OK), data(1, 'x', 0), openHeaders(1, block(['x', '1']))],
      ['RST_STREAM 1 PROTOCOL_ERROR'],
    ],
    ['an interim answer that ends', [headers(1, block([':status', '103']))], ['RST_STREAM 1 PROTOCOL_ERROR']],
    ['a preface', [PREFACE], ['GOAWAY 0 FRAME_SIZE_ERROR']],
    [
      'more than its length',
      [openHeaders(1, block([':status', '200'], ['content-length', '1'])), data(1, 'ab')],
      ['RST_STREAM 1 PROTOCOL_ERROR'],
    ],
    ['no status', [headers(1, block(['x', '1']))], ['RST_STREAM 1 PROTOCOL_ERROR']],
    ['an upper-case name', [headers(1, block([':status', '200'], ['X', '1']))], ['RST_STREAM 1 PROTOCOL_ERROR']],
  ])('is held to the same rules: %s', (_what, frames, outcome) => {
    const script = new SessionScript(false).begin();
    script.request();
    script.wire.take();
    script.say(...frames);
    expect(script.ends()).toEqual(outcome);
    expect(script.session.openCount).toBe(0);
  });

  it('may answer before the request is complete, and late frames for what was cancelled are no offence', () => {
    const script = new SessionScript(false, { maxStreams: 1_000 }).begin();
    const streams = Array.from({ length: 400 }, () => script.request());
    for (const stream of streams) stream.reset();
    for (let at = 0; at < 400; at++) script.say(openHeaders(idOf(at), OK), data(idOf(at), 'late'));
    expect(script.session.isOver).toBe(false);
  });
});
