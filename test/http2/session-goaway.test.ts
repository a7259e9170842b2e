import { describe, expect, it } from 'vitest';
import {
  data,
  GET,
  goAway,
  headers,
  OK,
  openHeaders,
  POST,
  reset,
  settings,
  windowUpdate,
} from '../support/http2-frames.ts';
import { SessionScript } from '../support/http2-script.ts';

describe('a server that goes away', () => {
  it('says so twice, and serves what is on its way in between', () => {
    const script = new SessionScript(true).begin();
    script.say(openHeaders(1, POST));
    script.session.announceEnd();
    expect(script.sent()).toEqual(['GOAWAY 2147483647 NO_ERROR']);
    script.say(headers(3, GET));
    expect(script.sent()).toEqual(['HEADERS 3', 'DATA 3 5 end']);
    script.session.sayGoodbye();
    expect(script.sent()).toEqual(['GOAWAY 3 NO_ERROR']);
    script.say(headers(5, GET), data(1, 'x'));
    expect(script.sent()).toEqual(['RST_STREAM 5 REFUSED_STREAM', 'HEADERS 1', 'DATA 1 5 end']);
    expect(script.session.openCount).toBe(0);
    expect(script.session.isOver).toBe(false);
  });

  it('says goodbye once', () => {
    const script = new SessionScript(true).begin();
    script.session.sayGoodbye();
    script.session.sayGoodbye();
    expect(script.sent()).toEqual(['GOAWAY 0 NO_ERROR']);
  });

  it('never takes back what it said of the last stream', () => {
    const script = new SessionScript(true).begin();
    script.say(headers(1, GET));
    script.session.sayGoodbye();
    script.say(headers(3, GET), headers(5, GET), windowUpdate(0, 0));
    expect(script.sent().at(-1)).toBe('GOAWAY 1 PROTOCOL_ERROR');
  });

  it('says nothing once the connection is lost', () => {
    const script = new SessionScript(true).begin();
    script.say(openHeaders(1, POST));
    script.session.lose();
    script.session.announceEnd();
    script.session.sayGoodbye();
    script.session.ping(Buffer.alloc(8));
    script.session.lose();
    expect(script.sent()).toEqual([]);
    expect(script.log).toEqual(['1 head', '1 lost', 'quiet']);
  });
});

describe('a server whose client goes away', () => {
  it('serves what is open, and what still comes', () => {
    const script = new SessionScript(true).begin();
    script.say(openHeaders(1, POST), goAway(0), data(1, 'x'), headers(3, GET));
    expect(script.ends()).toEqual([]);
    expect(script.log.filter((line) => line.includes('end'))).toEqual(['1 end', '3 head end', '3 end']);
  });
});

describe('a client whose server goes away', () => {
  it('opens nothing more, loses nothing at first, and learns later what was never seen', () => {
    const script = new SessionScript(false).begin();
    for (let at = 0; at < 3; at++) script.request().sendEnd();
    script.say(goAway(0x7fff_ffff));
    expect(script.session.isLeaving).toBe(true);
    expect(script.session.hasRoom).toBe(false);
    expect(script.session.openCount).toBe(3);
    script.say(goAway(3));
    expect(script.log).toEqual(['goaway NO_ERROR', '5 unseen', 'goaway NO_ERROR']);
    script.say(headers(1, OK), openHeaders(3, OK), data(3, 'abc'));
    expect(script.body(3).toString()).toBe('abc');
    expect(script.log.slice(3)).toEqual(['1 head end', '1 end', '3 head', '3 end', 'quiet']);
    expect(script.ends()).toEqual([]);
  });

  it('is told the code', () => {
    const script = new SessionScript(false).begin();
    script.request();
    script.say(goAway(0, 11));
    expect(script.log).toEqual(['1 unseen', 'quiet', 'goaway ENHANCE_YOUR_CALM']);
  });

  it('frees what it had to send for them', () => {
    const script = new SessionScript(false).begin([4, 0]);
    script.request([], 'POST').send('a body');
    expect(script.session.sender.unsentBytes).toBe(6);
    script.say(goAway(0));
    expect(script.session.sender.unsentBytes).toBe(0);
    script.say(settings([4, 100]));
    expect(script.sent().some((line) => line.startsWith('DATA'))).toBe(false);
  });
});

describe('a client', () => {
  it('opens as many streams as both want', () => {
    const script = new SessionScript(false, { maxStreams: 3 }).begin();
    expect(script.session.hasRoom).toBe(true);
    script.say(settings([3, 2]));
    script.request();
    script.request();
    expect(script.session.hasRoom).toBe(false);
    script.say(settings([3, 100]));
    script.request();
    expect(script.session.hasRoom).toBe(false);
  });

  it('keeps an answer that is here to its end for a slow reader, whatever follows it', () => {
    for (const follows of ['reset', 'loss']) {
      const script = new SessionScript(false).begin();
      const stream = script.request([], 'POST');
      stream.hasRoom = false;
      script.say(openHeaders(1, OK), data(1, 'ab', 0), data(1, 'cd'));
      if (follows === 'reset') script.say(reset(1, 0));
      else script.session.lose();
      expect(script.session.openCount).toBe(1);
      stream.hasRoom = true;
      stream.resume();
      script.later();
      expect(script.body(1).toString()).toBe('abcd');
      expect(script.log).toEqual(['1 head', '1 end', 'quiet']);
      expect(script.budget.takenBytes).toBe(0);
    }
  });

  it('counts resets of an answer that it keeps', () => {
    const script = new SessionScript(false).begin();
    script.request([], 'POST').hasRoom = false;
    script.say(openHeaders(1, OK), data(1, 'ab', 0), data(1, 'cd'));
    for (let at = 0; at < 1_100; at++) script.say(reset(1, 0));
    expect(script.session.isOver).toBe(true);
  });
});
