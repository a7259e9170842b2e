import { describe, expect, it } from 'vitest';
import { data, END_STREAM, openHeaders, POST, padded, reset, TYPES } from '../support/http2-frames.ts';
import { SessionScript } from '../support/http2-script.ts';

const FRAME = Buffer.alloc(16_384);

function server(options = {}): SessionScript {
  const script = new SessionScript(true, options).begin();
  script.onEnd = () => undefined;
  script.say(openHeaders(1, POST), openHeaders(3, POST));
  return script;
}

describe('credit', () => {
  it('comes back to both windows for what is read', () => {
    const script = server();
    script.say(data(1, FRAME, 0), data(1, FRAME, 0));
    expect(script.sent()).toEqual(['WINDOW_UPDATE 1 32768', 'WINDOW_UPDATE 0 32768']);
  });

  it('comes back for padding, of a slow reader too', () => {
    const script = server();
    script.stream(1).hasRoom = false;
    script.say(data(1, 'x', 0));
    for (let at = 0; at < 255; at++) script.say(padded(TYPES.DATA, 1, 0, 255, Buffer.alloc(0)));
    const updates = script.sent();
    expect(updates.filter((line) => line.startsWith('WINDOW_UPDATE 1'))).toHaveLength(1);
    expect(updates.filter((line) => line.startsWith('WINDOW_UPDATE 0'))).toHaveLength(1);
  });

  it('of the connection comes back for what a slow reader leaves, its own does not', () => {
    const script = server();
    script.stream(1).hasRoom = false;
    script.say(...Array.from({ length: 3 }, () => data(1, FRAME, 0)));
    expect(script.sent()).toEqual(['WINDOW_UPDATE 0 32768']);
    script.stream(1).hasRoom = true;
    script.stream(1).resume();
    expect(script.sent()).toEqual([]);
    script.later();
    expect(script.sent()).toEqual(['WINDOW_UPDATE 1 49152']);
  });

  it('of the connection waits when too much is held, and comes when that is read', () => {
    const script = server({ maxHeldBytes: 10_000 });
    script.stream(1).hasRoom = false;
    script.say(...Array.from({ length: 3 }, () => data(1, FRAME, 0)));
    script.say(data(3, FRAME.subarray(0, 10_000), 0));
    expect(script.sent()).toEqual([]);
    script.stream(1).hasRoom = true;
    script.stream(1).resume();
    script.later();
    expect(script.sent()).toEqual(['WINDOW_UPDATE 0 59152', 'WINDOW_UPDATE 1 49152']);
  });

  it('of the connection comes back when the stream that held too much ends', () => {
    for (const ending of ['reset by the peer', 'reset here', 'abandoned']) {
      const script = server({ maxHeldBytes: 10_000 });
      script.stream(1).hasRoom = false;
      script.say(...Array.from({ length: 3 }, () => data(1, FRAME, 0)));
      if (ending === 'reset by the peer') script.say(reset(1));
      else if (ending === 'reset here') script.stream(1).reset();
      else script.stream(1).abandon();
      expect(script.sent()).toContain('WINDOW_UPDATE 0 49152');
    }
  });

  it('of the connection comes back for bytes that nobody wants', () => {
    const script = server();
    script.stream(1).reset();
    script.wire.take();
    script.say(data(1, FRAME, 0), data(1, FRAME, 0));
    expect(script.sent()).toEqual(['WINDOW_UPDATE 0 32768']);
  });

  it('is not given to a stream that has ended', () => {
    const script = server();
    script.stream(1).hasRoom = false;
    script.say(data(1, FRAME, 0), data(1, FRAME, 0), data(1, FRAME, END_STREAM));
    script.wire.take();
    script.stream(1).hasRoom = true;
    script.stream(1).resume();
    script.later();
    expect(script.sent()).toEqual([]);
    expect(script.log).toEqual(['1 head', '3 head', '1 end']);
  });

  it('grows with the speed, and what it grew by goes back to the budget', () => {
    const script = server({ maxStreamWindow: 262_144 });
    for (let at = 0; at < 60; at++) script.say(data(1, FRAME, 0));
    expect(script.session.isOver).toBe(false);
    expect(script.budget.takenBytes).toBeGreaterThan(65_535);
    const before = script.budget.takenBytes;
    script.say(reset(1));
    expect(script.budget.takenBytes).toBe(before - (262_144 - 65_535));
    script.session.lose();
    expect(script.budget.takenBytes).toBe(0);
  });
});

describe('a slow reader', () => {
  it('gets what was held in pieces, and stops at the first that fills it', () => {
    const script = server();
    const stream = script.stream(1);
    for (let at = 0; at < 60; at++) script.say(data(1, FRAME, 0));
    script.wire.take();
    stream.hasRoom = false;
    for (let at = 0; at < 9; at++) script.say(data(1, FRAME, 0));
    expect(script.session.isOver).toBe(false);
    expect(stream.held.size).toBe(8 * 16_384);
    stream.resume();
    script.later();
    expect(stream.held.size).toBe(4 * 16_384);
    expect(stream.isPaused).toBe(true);
    script.say(data(1, 'last'));
    expect(script.log).not.toContain('1 end');
    stream.hasRoom = true;
    stream.resume();
    script.later();
    expect(script.body(1)).toHaveLength(69 * 16_384 + 4);
    expect(script.log).toContain('1 end');
  });

  it('gets what was held together, and more while it has room', () => {
    const script = server();
    const stream = script.stream(1);
    stream.hasRoom = false;
    script.say(data(1, 'a', 0), data(1, 'b', 0), data(1, 'c', 0));
    expect(script.body(1).toString()).toBe('a');
    stream.resume();
    script.later();
    expect(script.body(1).toString()).toBe('abc');
    expect(stream.isPaused).toBe(true);
    script.say(data(1, 'd', 0));
    stream.hasRoom = true;
    stream.resume();
    script.say(data(1, 'e', 0));
    expect(script.body(1).toString()).toBe('abc');
    script.later();
    script.say(data(1, 'f'));
    expect(script.body(1).toString()).toBe('abcdef');
  });

  it('is told of the end at once when nothing is held', () => {
    const script = server();
    script.stream(1).hasRoom = false;
    script.say(data(1, 'a'));
    expect(script.log).toEqual(['1 head', '3 head', '1 end']);
  });

  it('does not stop the others', () => {
    const script = server();
    script.stream(1).hasRoom = false;
    for (let at = 0; at < 3; at++) script.say(data(1, FRAME, 0));
    for (let at = 0; at < 40; at++) script.say(data(3, FRAME, 0));
    expect(script.body(3)).toHaveLength(40 * 16_384);
    expect(script.session.isOver).toBe(false);
  });

  it('is asked after once, however many resume', () => {
    const script = server();
    for (const id of [1, 3]) {
      script.stream(id).hasRoom = false;
      script.say(data(id, 'a', 0), data(id, 'b', 0));
    }
    script.stream(1).resume();
    script.isDue = false;
    script.stream(3).resume();
    expect(script.isDue).toBe(false);
    script.session.deliverHeld();
    expect([script.body(1), script.body(3)].map(String)).toEqual(['ab', 'ab']);
  });
});
