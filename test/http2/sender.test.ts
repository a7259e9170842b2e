import { describe, expect, it } from 'vitest';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { HpackDecoder } from '../../src/http2/hpack-decoder.ts';
import {
  GET,
  headers,
  openHeaders,
  POST,
  parseFrames,
  settings,
  TYPES,
  windowUpdate,
} from '../support/http2-frames.ts';
import { type RecordingStream, SessionScript, trailersOf } from '../support/http2-script.ts';

function server(...pairs: (readonly [number, number])[]): SessionScript {
  const script = new SessionScript(true).begin(...pairs);
  script.onEnd = (stream) => stream.sendHead([[':status', '200']]);
  return script;
}

function asked(script: SessionScript, ...ids: number[]): RecordingStream[] {
  script.say(...ids.map((id) => headers(id, GET)));
  script.wire.take();
  return ids.map((id) => script.stream(id));
}

describe('what is sent', () => {
  it('ends by a flag on its last frame while that is here, and by a frame of its own later', () => {
    const script = server();
    const [one, three, five] = asked(script, 1, 3, 5);
    one!.send('abc');
    one!.sendEnd();
    three!.send('abc');
    script.wire.flush();
    three!.sendEnd();
    five!.send('abc');
    script.call((session) => session.ping(Buffer.alloc(8)));
    five!.sendEnd();
    expect(script.sent()).toEqual(['DATA 1 3 end', 'DATA 3 3', 'DATA 3 0 end', 'DATA 5 3 end', 'PING']);
  });

  it('ends each stream by its own frame when they take turns', () => {
    const script = server();
    const [one, three] = asked(script, 1, 3);
    one!.send('a');
    three!.send('b');
    one!.sendEnd();
    three!.sendEnd();
    expect(script.sent()).toEqual(['DATA 1 1', 'DATA 3 1', 'DATA 1 0 end', 'DATA 3 0 end']);
  });

  it('ends a head that nothing follows by a flag on it, however many frames it has', () => {
    for (const size of [10, 16_384 * 3]) {
      const script = new SessionScript(true).begin();
      script.onEnd = (stream) => {
        stream.sendHead([
          [':status', '200'],
          ['x-big', 'v'.repeat(size)],
        ]);
        stream.sendEnd();
      };
      script.say(headers(1, GET));
      const lines = script.sent();
      expect(lines[0]).toBe(size === 10 ? 'HEADERS 1 end' : 'HEADERS 1 part end');
      expect(lines.slice(1)).toEqual(
        size === 10 ? [] : ['CONTINUATION 1 part', 'CONTINUATION 1 part', 'CONTINUATION 1'],
      );
    }
  });

  it.each([16_300, 16_360, 16_366, 16_367, 16_368, 16_369, 16_380, 32_750, 32_751, 32_752, 49_200])(
    'is one header block, with a value of %d bytes, whatever the frames',
    (size) => {
      const script = new SessionScript(true).begin();
      const fields = [
        [':status', '200'],
        ['x-big', 'v'.repeat(size)],
      ] as const;
      script.onEnd = (stream) => stream.sendHead(fields);
      script.say(headers(1, GET));
      const frames = parseFrames(script.wire.take());
      expect(frames.map(({ type }) => type)).toEqual([TYPES.HEADERS, ...frames.slice(1).map(() => TYPES.CONTINUATION)]);
      for (const { payload } of frames.slice(0, -1)) expect(payload.length).toBe(16_384);
      expect(frames.at(-1)!.payload.length).toBeGreaterThan(0);
      const bytes = Buffer.concat(frames.map(({ payload }) => payload));
      const block = new FieldBlock();
      const decoder = new HpackDecoder({ maxListBytes: 65_536, maxFields: 10, maxTableBytes: 4_096 });
      expect(decoder.decode(bytes, 0, bytes.length, block)).toBe(true);
      expect(block.get('x-big')).toBe(fields[1][1]);
    },
  );

  it('is frames of 16 KiB at most, whatever the peer would take', () => {
    const script = server([4, 100_000], [5, 1_000_000]);
    const [one] = asked(script, 1);
    expect(one!.send(Buffer.alloc(40_000))).toBe(true);
    expect(script.sent()).toEqual(['DATA 1 16384', 'DATA 1 16384', 'DATA 1 7232']);
  });

  it('takes turns when the connection holds it up, and goes on where its own window lets it', () => {
    const script = server([4, 1_000_000]);
    const [one, three, five] = asked(script, 1, 3, 5);
    expect(one!.send(Buffer.alloc(65_535))).toBe(true);
    expect([one!, three!, five!].map((stream) => stream.send(Buffer.alloc(40_000)))).toEqual([false, false, false]);
    script.wire.take();
    script.say(windowUpdate(0, 1_000_000));
    const turns = script.sent();
    expect(turns.slice(0, 6)).toEqual([
      'DATA 1 16384',
      'DATA 3 16384',
      'DATA 5 16384',
      'DATA 1 16384',
      'DATA 3 16384',
      'DATA 5 16384',
    ]);
    expect([one!, three!, five!].map(({ rooms }) => rooms)).toEqual([1, 1, 1]);
    expect(script.session.sender.unsentBytes).toBe(0);
  });

  it('is not held up by a stream whose own window is shut', () => {
    const script = server([4, 10]);
    const [one, three] = asked(script, 1, 3);
    one!.send(Buffer.alloc(100));
    expect(three!.send(Buffer.alloc(10))).toBe(true);
    expect(script.sent()).toEqual(['DATA 1 10', 'DATA 3 10']);
  });

  it('waits while the wire is full, heads and ends apart', () => {
    const script = server();
    const [one, three] = asked(script, 1, 3);
    script.wire.isFull = true;
    expect(one!.send('abc')).toBe(false);
    one!.sendEnd(trailersOf(['x', '1']));
    three!.sendEnd();
    expect(script.sent()).toEqual(['DATA 3 0 end']);
    script.drain();
    expect(script.sent()).toEqual(['DATA 1 3', 'HEADERS 1 end']);
    expect(script.session.openCount).toBe(0);
  });

  it('says that there is no room when a piece fills the wire, and when there is again', () => {
    const script = server();
    const [one] = asked(script, 1);
    const open = script.wire.open.bind(script.wire);
    script.wire.open = (room) => {
      open(room);
      script.wire.isFull = true;
    };
    expect(one!.send('abc')).toBe(false);
    expect(one!.unsent.size).toBe(0);
    script.drain();
    expect(one!.rooms).toBe(1);
    expect(script.sent()).toEqual(['DATA 1 3']);
  });

  it('says nothing of room behind the end, while the request still comes', () => {
    const script = new SessionScript(true).begin();
    script.say(openHeaders(1, POST));
    const one = script.stream(1);
    one.sendHead([[':status', '200']]);
    const open = script.wire.open.bind(script.wire);
    script.wire.open = (room) => {
      open(room);
      script.wire.isFull = true;
    };
    expect(one.send('abc')).toBe(false);
    one.sendEnd();
    script.wire.open = open;
    script.drain();
    expect(one.rooms).toBe(0);
    expect(script.sent()).toEqual(['HEADERS 1', 'DATA 1 3 end']);
  });

  it('acknowledges SETTINGS before it uses them', () => {
    const script = server([4, 0]);
    const [one] = asked(script, 1);
    one!.send('abc');
    script.say(settings([4, 2]));
    expect(script.sent()).toEqual(['SETTINGS ack', 'DATA 1 2']);
  });

  it('counts every body it holds, and forgets it with its stream', () => {
    const script = server([4, 0]);
    const [one, three] = asked(script, 1, 3);
    one!.send('abc');
    three!.send('de');
    expect(script.session.sender.unsentBytes).toBe(5);
    one!.reset();
    expect(script.session.sender.unsentBytes).toBe(2);
    script.session.lose();
    expect(script.session.sender.unsentBytes).toBe(0);
  });

  it('may be an answer to a request that is still coming', () => {
    const script = new SessionScript(true).begin();
    script.onHead = (stream) => stream.answer();
    script.say(openHeaders(1, POST));
    expect(script.sent()).toEqual(['HEADERS 1', 'DATA 1 5 end']);
    expect(script.session.openCount).toBe(1);
  });

  it('begins with both sizes of a table that shrank and grew again within one frame of settings', () => {
    const script = new SessionScript(true).begin();
    script.onEnd = (stream) => stream.sendHead([[':status', '200']]);
    script.say(settings([1, 0], [1, 4_096]), headers(1, GET));
    const [block] = parseFrames(script.wire.take()).filter(({ type }) => type === TYPES.HEADERS);
    expect([...block!.payload.subarray(0, 4)]).toEqual([0x20, 0x3f, 0xe1, 0x1f]);
  });
});
