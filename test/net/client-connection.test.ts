import { describe, expect, it } from 'vitest';
import { failureAnswer } from '../../src/http/answer.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import { FieldList } from '../../src/http/fields.ts';
import { ClientScript, closing, headOf, ok } from '../support/client-script.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const CLOSED_OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nconnection: close\r\n\r\nok';
const NO_ANSWER = failureAnswer('no_route');

/** Whatever the connection does by itself comes in the next tick. */
const nextTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

describe('requests', () => {
  it('are answered one after another on one handler', () => {
    const script = new ClientScript();
    for (let i = 0; i < 3; i++) {
      script.transport.receive(GET);
      expect(script.take()).toEqual(['GET /a', 'end']);
      script.answer();
      expect(script.transport.take()).toBe(OK);
    }
    expect(script.opened).toBe(1);
    expect(script.transport.log).toEqual([]);
  });

  it('put head and body out in one write', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.answer();
    expect(script.transport.writes).toHaveLength(1);
  });

  it('come in pieces of any size', () => {
    const script = new ClientScript();
    for (const byte of POST + 'hello') script.transport.receive(byte);
    expect(script.take()).toEqual(['POST /a', 'body h', 'body e', 'body l', 'body l', 'body o', 'end']);
    script.answer();
    script.transport.receive(POST + 'hel');
    script.transport.receive('lo');
    expect(script.take()).toEqual(['POST /a', 'body hel', 'body lo', 'end']);
  });

  it('sent ahead wait for the answer before, and never come inside a call', async () => {
    const script = new ClientScript();
    script.transport.receive(GET + GET.replace('/a', '/b') + GET.replace('/a', '/c').slice(0, 10));
    expect(script.take()).toEqual(['GET /a', 'end']);
    script.answer();
    expect(script.take()).toEqual([]);
    await nextTick();
    expect(script.take()).toEqual(['GET /b', 'end']);
    script.transport.receive(GET.replace('/a', '/c').slice(10));
    script.answer();
    await nextTick();
    expect(script.take()).toEqual(['GET /c', 'end']);
  });

  it('sent ahead go on at once when they are answered at once', () => {
    const script = new ClientScript();
    script.onOpen = () => {
      script.client.sendLocal(NO_ANSWER, NO_EDITS);
      script.client.finish(true);
    };
    script.transport.receive(GET + GET);
    expect(script.take()).toEqual(['GET /a', 'GET /a']);
    expect(script.transport.take().match(/HTTP\/1\.1 404 Not Found/g)).toHaveLength(2);
    expect(script.transport.log).toEqual([]);
  });

  it('sent ahead without bound are not read', async () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.transport.receive(GET.repeat(400));
    expect(script.transport.isPaused).toBe(false);
    script.transport.receive(GET.repeat(400));
    expect(script.transport.isPaused).toBe(true);
    for (let i = 0; i < 800; i++) {
      script.answer();
      await nextTick();
    }
    expect(script.transport.isPaused).toBe(false);
    expect(script.take()).toHaveLength(801 * 2);
  });

  it('sent ahead stay unread also when the handler resumes', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.transport.receive(GET.repeat(800));
    script.client.resume();
    expect(script.transport.isPaused).toBe(true);
  });

  it('may have heads larger than what is kept of requests sent ahead', () => {
    const script = new ClientScript({ maxHeadBytes: 65_536 });
    script.transport.receive(`GET /a HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(40_000)}`);
    expect(script.transport.isPaused).toBe(false);
    script.transport.receive('\r\n\r\n');
    expect(script.take()).toEqual(['GET /a', 'end']);
  });

  it('pass trailers on', () => {
    const script = new ClientScript();
    script.transport.receive(
      'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-T: 1\r\n\r\n',
    );
    expect(script.take()).toEqual(['POST /a', 'body x', 'end 1']);
  });
});

describe('backpressure', () => {
  it('pauses the client when the handler is full, until it resumes', () => {
    const script = new ClientScript();
    script.takesBody = false;
    script.transport.receive(POST + 'he');
    expect(script.transport.isPaused).toBe(true);
    script.client.resume();
    expect(script.transport.isPaused).toBe(false);
    script.client.resume();
  });

  it('looks from time to time whether a paused client is still there', () => {
    const script = new ClientScript();
    script.takesBody = false;
    script.transport.receive(POST + 'he');
    script.clock.advance(4_900);
    expect(script.transport.probeCount).toBe(0);
    script.clock.advance(10_200);
    expect(script.transport.probeCount).toBe(3);
    script.client.resume();
    script.clock.advance(20_000);
    expect(script.transport.probeCount).toBe(3);
    script.transport.receive('l');
    script.clock.advance(5_100);
    expect(script.transport.probeCount).toBe(4);
    script.transport.lost();
    script.clock.advance(20_000);
    expect(script.transport.probeCount).toBe(4);
  });

  it('reads again for the next request', () => {
    const script = new ClientScript();
    script.takesBody = false;
    script.transport.receive(POST + 'hello');
    script.answer();
    expect(script.transport.isPaused).toBe(false);
  });

  it('tells the handler when the client does not read, and when it does again', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.take();
    script.transport.isStuck = true;
    const client = script.client;
    script.turn(() => client.sendHead(ok(200_000), NO_EDITS));
    expect(client.sendBody(Buffer.alloc(100_000))).toBe(false);
    script.transport.drained();
    expect(script.take()).toEqual(['drain']);
    expect(client.sendBody(Buffer.alloc(20_000))).toBe(true);
    script.transport.drained();
    expect(script.take()).toEqual([]);
  });
});

describe('answers', () => {
  it('of unknown length go out in chunks, with the trailers that the client accepts', () => {
    const open = headOf(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked']);
    for (const [te, trailers] of [['TE: trailers\r\n', 'x-t: 1\r\n'] as const, ['', ''] as const]) {
      const script = new ClientScript();
      script.transport.receive(`GET /a HTTP/1.1\r\nHost: a\r\n${te}\r\n`);
      script.turn(() => {
        script.client.sendHead(open, NO_EDITS);
        script.client.sendBody(Buffer.from('hello'));
        script.client.sendEnd(new FieldList().add('x-t', '1'));
        script.client.finish(true);
      });
      expect(script.transport.take()).toBe(
        `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${trailers}\r\n`,
      );
      expect(script.transport.log).toEqual([]);
    }
  });

  it('of unknown length end with the connection for HTTP/1.0', () => {
    const script = new ClientScript();
    script.transport.receive('GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    script.answer(headOf(['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked']));
    expect(script.transport.take()).toBe('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok');
    expect(script.transport.log).toEqual(['end']);
  });

  it('keep an HTTP/1.0 connection that asks for it', () => {
    const script = new ClientScript();
    script.transport.receive('GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    script.answer();
    expect(script.transport.take()).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nconnection: keep-alive\r\n\r\nok');
    script.transport.receive('GET /a HTTP/1.0\r\n\r\n');
    script.answer();
    expect(script.transport.take()).toBe(CLOSED_OK);
    expect(script.transport.log).toEqual(['end']);
  });

  it('to HEAD have no body', () => {
    const script = new ClientScript();
    script.transport.receive(GET.replace('GET', 'HEAD'));
    script.answer(headOf(['HTTP/1.1 200 OK', 'Content-Length: 2'], null, 'HEAD'), 'ok');
    expect(script.transport.take()).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
  });

  it('close when the client, the edits or the drain want it', () => {
    const asked = new ClientScript();
    asked.transport.receive('GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    asked.answer();
    const edited = new ClientScript();
    edited.transport.receive(GET);
    edited.turn(() => {
      edited.client.sendHead(ok(2), closing());
      edited.client.sendBody(Buffer.from('ok'));
      edited.client.sendEnd(null);
      edited.client.finish(true);
    });
    const drained = new ClientScript();
    drained.transport.receive(GET);
    drained.connection.drain();
    drained.answer();
    for (const script of [asked, edited, drained]) {
      expect(script.transport.take()).toBe(CLOSED_OK);
      expect(script.transport.log).toEqual(['end']);
    }
  });

  it('are cut visibly when they are not intact', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.turn(() => {
      script.client.sendHead(ok(5), NO_EDITS);
      script.client.sendBody(Buffer.from('he'));
      script.client.finish(false);
    });
    expect(script.transport.take()).toMatch(/\r\n\r\nhe$/);
    expect(script.transport.log).toEqual(['destroy']);
    const old = new ClientScript();
    old.transport.receive('GET /a HTTP/1.0\r\n\r\n');
    old.turn(() => {
      old.client.sendHead(headOf(['HTTP/1.1 200 OK']), NO_EDITS);
      old.client.finish(false);
    });
    expect(old.transport.log).toEqual(['reset']);
  });

  it('that never ended are not intact, whatever finish says', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.turn(() => {
      script.client.sendHead(ok(5), NO_EDITS);
      script.client.finish(true);
    });
    expect(script.transport.log).toEqual(['destroy']);
  });

  it('pass interim heads on, but not to HTTP/1.0', () => {
    const hints = headOf(['HTTP/1.1 103 Early Hints', 'Link: </a>']);
    const script = new ClientScript();
    script.transport.receive(GET);
    script.turn(() => script.client.sendInterim(hints, NO_EDITS));
    expect(script.transport.take()).toBe('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    const old = new ClientScript();
    old.transport.receive('GET /a HTTP/1.0\r\n\r\n');
    old.turn(() => old.client.sendInterim(hints, NO_EDITS));
    expect(old.transport.take()).toBe('');
  });

  it('of remora itself are whole', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.turn(() => {
      script.client.sendLocal(NO_ANSWER, NO_EDITS);
      script.client.finish(true);
    });
    const text = script.transport.take();
    expect(text).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(text).toContain('x-remora-failure: no_route\r\n');
    expect(text).toContain(`content-length: ${NO_ANSWER.body.length}\r\n\r\n${NO_ANSWER.body}`);
    expect(text).not.toContain('connection:');
  });

  it('that come before the request is complete close, and the rest of it is dropped', () => {
    const script = new ClientScript();
    script.transport.receive('POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    script.take();
    script.answer();
    expect(script.transport.take()).toBe(CLOSED_OK);
    expect(script.transport.log).toEqual(['end']);
    script.transport.receive('hello' + GET);
    expect(script.take()).toEqual([]);
    script.transport.fin();
    script.clock.advance(2_100);
    expect(script.transport.log).toEqual(['end', 'destroy']);
    expect(script.closed).toBe(1);
  });

  it('that come early do not make us read a request without end', () => {
    const script = new ClientScript();
    script.transport.receive(POST.replace('5', '50000000'));
    script.answer();
    for (let i = 0; i < 5; i++) script.transport.receive('x'.repeat(1_000_000));
    expect(script.transport.log).toEqual(['end', 'destroy']);
  });

  it('may begin while the request still comes in, and both go on', () => {
    const script = new ClientScript();
    script.transport.receive(POST + 'he');
    script.turn(() => script.client.sendHead(ok(2), NO_EDITS));
    script.transport.receive('llo');
    expect(script.take()).toEqual(['POST /a', 'body he', 'body llo', 'end']);
    script.turn(() => {
      script.client.sendBody(Buffer.from('ok'));
      script.client.sendEnd(null);
      script.client.finish(true);
    });
    expect(script.transport.take()).toBe(CLOSED_OK);
    expect(script.transport.log).toEqual(['end']);
  });
});

describe('refusals', () => {
  it.each([
    ['a malformed request', 'GET / HTTP/1.1\r\nBad Name: x\r\n\r\n', 'bad_request', 400],
    ['another protocol', '\x16\x03\x01\x00', 'bad_request', 400],
    ['a long target', `GET /${'a'.repeat(600)} HTTP/1.1\r\nHost: a\r\n\r\n`, 'uri_too_long', 414],
    ['a large head', `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(5_000)}\r\n\r\n`, 'head_too_large', 431],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 'method_not_allowed', 405],
    ['an expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n', 'expectation_failed', 417],
    ['another version', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 'version_not_supported', 505],
  ] as const)('answer %s and close, and the handler hears of it', (_, text, code, status) => {
    const script = new ClientScript();
    script.transport.receive(text + GET);
    expect(script.take()).toEqual([`gone ${code}`]);
    const answer = script.transport.take();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain('connection: close\r\n');
    expect(answer).toContain(`x-remora-failure: ${code}\r\n`);
    expect(script.transport.log).toEqual(['end']);
    script.transport.receive(GET);
    expect(script.take()).toEqual([]);
  });

  it('answer a body that is no body', () => {
    const script = new ClientScript();
    script.transport.receive('POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    script.transport.receive('zz\r\n');
    expect(script.take()).toEqual(['POST /a', 'gone bad_request']);
    expect(script.transport.take()).toMatch(/^HTTP\/1\.1 400 /);
    expect(script.transport.log).toEqual(['end']);
  });

  it('cut an answer that has begun', () => {
    const script = new ClientScript();
    script.transport.receive('POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    script.turn(() => script.client.sendHead(ok(2), NO_EDITS));
    script.transport.take();
    script.transport.receive('zz\r\n');
    expect(script.take()).toEqual(['POST /a', 'gone bad_request']);
    expect(script.transport.take()).toBe('');
    expect(script.transport.log).toEqual(['destroy']);
  });
});

describe('time', () => {
  it('closes a connection that stays idle, without a word', () => {
    const script = new ClientScript();
    script.clock.advance(60_100);
    expect(script.transport.take()).toBe('');
    expect(script.transport.log).toEqual(['end']);
    expect(script.take()).toEqual([]);
  });

  it('closes it without a word also after a request that came slowly', () => {
    const script = new ClientScript();
    script.transport.receive(GET.slice(0, 10));
    script.transport.receive(GET.slice(10));
    script.answer();
    script.transport.take();
    script.clock.advance(60_100);
    expect(script.transport.take()).toBe('');
    expect(script.take()).toEqual(['GET /a', 'end']);
  });

  it('counts idleness from the last answer', () => {
    const script = new ClientScript();
    script.clock.advance(50_000);
    script.transport.receive(GET);
    script.clock.advance(50_000);
    script.answer();
    script.clock.advance(50_000);
    expect(script.transport.log).toEqual([]);
    script.clock.advance(10_100);
    expect(script.transport.log).toEqual(['end']);
  });

  it('answers 408 to a head that does not come to an end, counted from its first byte', () => {
    const script = new ClientScript();
    script.transport.receive('GET / HTTP/1.1\r\n');
    script.clock.advance(9_000);
    script.transport.receive('X-A: b\r\n');
    expect(script.take()).toEqual([]);
    script.clock.advance(1_100);
    expect(script.take()).toEqual(['gone head_timeout']);
    expect(script.transport.take()).toMatch(/^HTTP\/1\.1 408 /);
    expect(script.transport.log).toEqual(['end']);
  });

  it('gives a slow reader of the last answer as long as it goes on reading', () => {
    const script = new ClientScript();
    script.transport.receive(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    script.transport.isStuck = true;
    script.answer();
    script.transport.pendingBytes = 1_000;
    for (let i = 0; i < 20; i++) {
      script.transport.pendingBytes -= 10;
      script.clock.advance(2_010);
    }
    expect(script.transport.log).toEqual(['end']);
    script.clock.advance(40_000);
    expect(script.transport.log).toEqual(['end', 'destroy']);
  });

  it('leaves no timer behind', () => {
    for (const end of [
      (script: ClientScript) => script.transport.lost(),
      (script: ClientScript) => script.turn(() => script.client?.finish(false)),
    ]) {
      const script = new ClientScript();
      script.transport.receive(GET);
      end(script);
      expect(script.clock.armed).toBe(0);
      expect(script.closed).toBe(1);
    }
  });
});

describe('the end of the client', () => {
  it('between requests is the end of the connection', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.answer();
    script.take();
    script.transport.fin();
    expect(script.take()).toEqual([]);
    expect(script.transport.log).toEqual(['end']);
  });

  it('after a complete request still lets the answer out', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.transport.fin();
    expect(script.take()).toEqual(['GET /a', 'end']);
    script.answer();
    expect(script.transport.take()).toBe(CLOSED_OK);
    expect(script.transport.log).toEqual(['end']);
  });

  it('after several requests still lets all answers out', async () => {
    const script = new ClientScript();
    script.transport.receive(GET + GET + 'GET / HT');
    script.transport.fin();
    script.answer();
    expect(script.transport.take()).toBe(OK);
    await nextTick();
    script.answer();
    expect(script.transport.take()).toBe(OK);
    await nextTick();
    expect(script.take()).toEqual(['GET /a', 'end', 'GET /a', 'end']);
    expect(script.transport.log).toEqual(['end']);
  });

  it('does not outrun a request that was sent ahead', async () => {
    const script = new ClientScript();
    script.transport.receive(GET + GET);
    script.answer();
    script.transport.fin();
    await nextTick();
    expect(script.take()).toEqual(['GET /a', 'end', 'GET /a', 'end']);
    script.answer();
    expect(script.transport.take()).toBe(OK + CLOSED_OK);
  });

  it('by reset between requests is nobody’s loss', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.answer();
    script.transport.lost();
    expect(script.take()).toEqual(['GET /a', 'end']);
    expect(script.closed).toBe(1);
  });

  it('in the middle of a head is nobody’s loss', () => {
    const script = new ClientScript();
    script.transport.receive('GET / HT');
    script.transport.fin();
    expect(script.take()).toEqual([]);
    expect(script.transport.take()).toBe('');
    expect(script.transport.log).toEqual(['end']);
  });

  it('in the middle of a body cancels the exchange', () => {
    const script = new ClientScript();
    script.transport.receive(POST + 'he');
    script.transport.fin();
    expect(script.take()).toEqual(['POST /a', 'body he', 'gone client_gone']);
    expect(script.transport.log).toEqual(['destroy']);
    expect(script.closed).toBe(1);
  });

  it('by reset cancels the exchange, once', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.transport.lost();
    script.transport.lost();
    expect(script.take()).toEqual(['GET /a', 'end', 'gone client_gone']);
    expect(script.closed).toBe(1);
  });

  it('makes whatever is sent afterwards harmless', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.transport.lost();
    script.answer();
    script.client.resume();
    script.turn(() => script.client.sendLocal(NO_ANSWER, NO_EDITS));
    expect(script.transport.take()).toBe('');
  });
});

describe('the end of the time', () => {
  it('answers draining where nothing has been answered, and cuts what has begun', () => {
    const waiting = new ClientScript();
    waiting.transport.receive(GET);
    waiting.connection.expire();
    expect(waiting.transport.take()).toContain('x-remora-failure: draining');
    expect(waiting.take().at(-1)).toBe('gone draining');

    const begun = new ClientScript();
    begun.transport.receive(GET);
    begun.client.sendHead(headOf(['HTTP/1.1 200 OK', 'Content-Length: 5']), NO_EDITS);
    begun.connection.expire();
    expect(begun.take().at(-1)).toBe('gone draining');
    expect(begun.transport.log).toHaveLength(1);
  });

  it('is nothing to an idle connection', () => {
    const script = new ClientScript();
    script.connection.expire();
    expect([script.take(), script.transport.log]).toEqual([[], []]);
  });
});

describe('drain', () => {
  it('closes an idle connection after a grace, for which a request that was on its way is still answered', () => {
    const idle = new ClientScript();
    idle.connection.drain();
    idle.clock.advance(1_900);
    expect(idle.transport.log).toEqual([]);
    idle.clock.advance(200);
    expect(idle.transport.log).toEqual(['end']);

    const late = new ClientScript();
    late.connection.drain();
    late.clock.advance(1_900);
    late.transport.receive(GET);
    late.answer();
    expect(late.transport.take()).toBe(CLOSED_OK);
    expect(late.transport.log).toEqual(['end']);
  });

  it('that is only announced leaves idle connections alone, and the next answer says close', () => {
    const script = new ClientScript();
    script.connection.announceClose();
    script.clock.advance(30_000);
    expect(script.transport.log).toEqual([]);
    script.transport.receive(GET);
    script.answer();
    expect(script.transport.take()).toBe(CLOSED_OK);
    expect(script.transport.log).toEqual(['end']);
  });

  it('lets a half-read head become a request', () => {
    const script = new ClientScript();
    script.transport.receive(GET.slice(0, 10));
    script.connection.drain();
    expect(script.transport.log).toEqual([]);
    script.transport.receive(GET.slice(10));
    script.answer();
    expect(script.transport.take()).toBe(CLOSED_OK);
  });

  it('gives the grace also after an answer that had begun before it', () => {
    const script = new ClientScript();
    script.transport.receive(GET);
    script.turn(() => script.client.sendHead(ok(2), NO_EDITS));
    script.connection.drain();
    script.turn(() => {
      script.client.sendBody(Buffer.from('ok'));
      script.client.sendEnd(null);
      script.client.finish(true);
    });
    expect(script.transport.take()).toBe(OK);
    expect(script.transport.log).toEqual([]);
    script.clock.advance(2_100);
    expect(script.transport.log).toEqual(['end']);
  });
});

describe('upgrades', () => {
  const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  const SWITCH = headOf(['HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: websocket'], 'websocket');

  it('make both directions raw, and hold what came early until then', async () => {
    const script = new ClientScript();
    script.transport.receive(UPGRADE + 'early');
    expect(script.take()).toEqual(['GET /ws', 'end']);
    script.turn(() => script.client.sendHead(SWITCH, NO_EDITS));
    expect(script.take()).toEqual([]);
    expect(script.transport.take()).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
    );
    await nextTick();
    script.transport.receive('more');
    script.turn(() => script.client.sendBody(Buffer.from('down')));
    expect(script.transport.take()).toBe('down');
    script.transport.fin();
    expect(script.take()).toEqual(['body early', 'body more', 'end']);
    script.turn(() => {
      script.client.sendBody(Buffer.from('last'));
      script.client.sendEnd(null);
      script.client.finish(true);
    });
    expect(script.transport.take()).toBe('last');
    expect(script.transport.log).toEqual(['end']);
  });

  it.each([
    ['early', ['body early', 'end']],
    ['', ['end']],
  ])('tell of a FIN that came before them, behind %j', async (early, events) => {
    const script = new ClientScript();
    script.transport.receive(UPGRADE + early);
    script.transport.fin();
    script.take();
    script.turn(() => script.client.sendHead(SWITCH, NO_EDITS));
    await nextTick();
    expect(script.take()).toEqual(events);
  });

  it('that end abnormally reset the client', () => {
    const script = new ClientScript();
    script.transport.receive(UPGRADE);
    script.turn(() => script.client.sendHead(SWITCH, NO_EDITS));
    script.turn(() => script.client.finish(false));
    expect(script.transport.log).toEqual(['reset']);
  });

  it('that are refused leave an ordinary connection', () => {
    const script = new ClientScript();
    script.transport.receive(UPGRADE);
    script.answer();
    script.transport.receive(GET);
    expect(script.take()).toEqual(['GET /ws', 'end', 'GET /a', 'end']);
  });
});

describe('a bug in the handler', () => {
  const FAULT = new Error('a bug');
  const fail = (): void => {
    throw FAULT;
  };

  it('costs this connection, and the handler is told', () => {
    const script = new ClientScript();
    script.onOpen = fail;
    script.transport.receive(GET);
    expect(script.bugs).toEqual([FAULT]);
    expect(script.take()).toEqual(['GET /a', 'gone internal_error']);
    expect(script.transport.log).toEqual(['reset']);
    expect(script.closed).toBe(1);
  });

  it('costs this connection in an event of its own, too', async () => {
    const script = new ClientScript();
    script.transport.receive(GET + GET);
    script.onOpen = fail;
    script.answer();
    await nextTick();
    expect(script.bugs).toEqual([FAULT]);
    expect(script.take()).toEqual(['GET /a', 'end', 'GET /a', 'gone internal_error']);
    expect(script.transport.log).toEqual(['reset']);
    expect(script.closed).toBe(1);
  });
});
