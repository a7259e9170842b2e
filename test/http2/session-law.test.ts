import { describe, expect, it } from 'vitest';
import { FieldBlock } from '../../src/http2/field-block.ts';
import { data, GET, headers, OK, openHeaders, POST, reset, settings, windowUpdate } from '../support/http2-frames.ts';
import { SessionScript } from '../support/http2-script.ts';

// That nothing is told inside a call of the owner's is watched by the script itself, in each test that uses it.
describe('a stream`s owner', () => {
  it('is told of room once, and not when it has said the end', () => {
    const script = new SessionScript(true).begin();
    script.onEnd = () => undefined;
    script.say(openHeaders(1, POST));
    const stream = script.stream(1);
    stream.sendHead([[':status', '200']]);
    script.wire.isFull = true;
    expect(stream.send('ab')).toBe(false);
    script.drain();
    script.drain();
    expect(stream.rooms).toBe(1);
    script.wire.isFull = true;
    expect(stream.send('cd')).toBe(false);
    stream.sendEnd();
    script.drain();
    expect(stream.rooms).toBe(1);
    expect(script.sent()).toEqual(['HEADERS 1', 'DATA 1 2', 'DATA 1 2 end']);
  });

  it('may end the stream in the middle of a frame', () => {
    const script = new SessionScript(true).begin();
    script.onBytes = (stream) => stream.reset();
    const frame = data(1, 'x'.repeat(1_000));
    script.say(openHeaders(1, POST), frame.subarray(0, 100));
    script.say(frame.subarray(100), headers(3, GET));
    expect(script.sent()).toEqual(['RST_STREAM 1 CANCEL', 'HEADERS 3', 'DATA 3 5 end']);
    expect(script.body(1)).toHaveLength(91);
  });

  it('may use a stream again within the event that ended it', () => {
    const script = new SessionScript(false).begin();
    const first = script.request();
    script.onBytes = (stream) => {
      script.onBytes = () => undefined;
      stream.hasRoom = false;
      stream.reset();
      expect(script.request()).toBe(first);
      first.hasRoom = false;
    };
    script.say(openHeaders(1, OK), data(1, 'x', 0));
    expect(first.id).toBe(3);
    expect(first.isPaused).toBe(false);
    first.hasRoom = true;
    script.say(openHeaders(3, OK), data(3, 'y'));
    expect(script.body(3).toString()).toBe('y');
  });

  it('may end the stream while what was held is delivered', () => {
    const script = new SessionScript(true).begin();
    script.say(openHeaders(1, POST));
    const stream = script.stream(1);
    stream.hasRoom = false;
    script.say(data(1, 'a', 0), data(1, 'bc', 0), headers(1, Buffer.from([0, 1, 0x78, 1, 0x79])));
    script.onBytes = () => stream.reset();
    stream.resume();
    script.later();
    expect(script.log).toEqual(['1 head', 'quiet']);
    expect(script.body(1).toString()).toBe('abc');
  });

  it('may lose the connection while it is told of bytes, and no window is left behind', () => {
    const script = new SessionScript(true).begin();
    script.onBytes = () => script.session.lose();
    script.clock.advance(1);
    script.say(openHeaders(1, POST), data(1, Buffer.alloc(16_384), 0), data(1, Buffer.alloc(16_384), 0));
    expect(script.budget.takenBytes).toBe(0);
    expect(script.sent()).toEqual([]);
    expect(script.log).toEqual(['1 head', '1 lost', 'quiet']);
  });

  it('gets what was held in an event of its own, with the trailers behind it', () => {
    const script = new SessionScript(true).begin();
    script.onEnd = () => undefined;
    script.say(openHeaders(1, POST));
    const stream = script.stream(1);
    stream.hasRoom = false;
    script.say(data(1, 'a', 0), data(1, 'b', 0), headers(1, Buffer.from([0, 1, 0x78, 1, 0x79])));
    expect(script.log).toEqual(['1 head']);
    stream.hasRoom = true;
    stream.resume();
    stream.resume();
    expect(script.body(1).toString()).toBe('a');
    script.later();
    expect(script.body(1).toString()).toBe('ab');
    expect(script.log).toEqual(['1 head', '1 end x=y']);
  });

  it('may abandon the rest of a request, which is dropped, gives credit, and is refused at the end of the answer', () => {
    const script = new SessionScript(true).begin();
    script.onEnd = () => undefined;
    script.say(openHeaders(1, POST));
    const stream = script.stream(1);
    stream.hasRoom = false;
    script.say(...Array.from({ length: 3 }, () => data(1, Buffer.alloc(16_384), 0)));
    stream.abandon();
    expect(script.sent()).toEqual(['WINDOW_UPDATE 0 32768', 'WINDOW_UPDATE 1 49152']);
    stream.sendHead([[':status', '200']]);
    stream.sendEnd();
    expect(script.sent()).toEqual(['HEADERS 1 end', 'RST_STREAM 1 NO_ERROR']);
  });

  it('may abandon it from within its bytes, and say that it is full', () => {
    const script = new SessionScript(true).begin();
    script.say(openHeaders(1, POST));
    const stream = script.stream(1);
    stream.hasRoom = false;
    script.onBytes = () => stream.abandon();
    for (let at = 0; at < 20; at++) script.say(data(1, Buffer.alloc(16_384), 0));
    expect(stream.held.size).toBe(0);
    expect(script.ends()).toEqual([]);
  });

  it('gives trailers that are only lent', () => {
    const script = new SessionScript(true).begin([4, 0]);
    script.onEnd = () => undefined;
    script.say(headers(1, GET));
    const stream = script.stream(1);
    stream.sendHead([[':status', '200']]);
    stream.send('body');
    const lent = new FieldBlock();
    lent.add('x', '1', 0, false);
    stream.sendEnd(lent);
    lent.clear();
    expect(stream.trailers?.get('x')).toBe('1');
    expect(script.sent()).toEqual(['HEADERS 1']);
    script.say(windowUpdate(1, 3));
    expect(script.sent()).toEqual(['DATA 1 3']);
    script.say(settings([4, 10]));
    expect(script.sent()).toEqual(['SETTINGS ack', 'DATA 1 1', 'HEADERS 1 end']);
    expect(script.session.openCount).toBe(0);
  });

  it('may reset a stream that waits for its turn', () => {
    const script = new SessionScript(true).begin();
    script.onEnd = () => undefined;
    script.say(headers(1, GET), headers(3, GET));
    const [one, three] = [script.stream(1), script.stream(3)];
    script.wire.isFull = true;
    one.send('a');
    three.send('b');
    one.reset();
    script.drain();
    expect(script.sent()).toEqual(['RST_STREAM 1 CANCEL', 'DATA 3 1']);
    expect(one.rooms).toBe(0);
    expect(three.rooms).toBe(1);
    script.say(reset(3));
    expect(script.session.sender.unsentBytes).toBe(0);
  });
});
