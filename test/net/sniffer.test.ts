import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { failureAnswer } from '../../src/http/answer.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import { PREFACE } from '../../src/http2/frames.ts';
import { MAX_HELLO_BYTES } from '../../src/net/client-hello.ts';
import { ClientTunnel } from '../../src/net/client-tunnel.ts';
import { Http2ClientConnection } from '../../src/net/http2-client-connection.ts';
import { SILENCE_MS } from '../../src/net/sniffer.ts';
import { inRecords, realClientHello } from '../support/client-hellos.ts';
import { describeFrame, frame, parseFrames, TYPES } from '../support/http2-frames.ts';
import { SnifferScript } from '../support/sniffer-script.ts';

const PORTS = ['http', 'auto', 'shared'] as const;
const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const SPOKEN = /^(?:http1|http2|tls|opaque|silent)$/;
const HTTP2 = Buffer.concat([PREFACE, frame(TYPES.SETTINGS, 0, 0)]);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let hello: Buffer;
beforeAll(async () => {
  hello = await realClientHello({ servername: 'orders.mesh' });
});

/** The client resets, if it has not been: nothing stays. */
function leave(script: SnifferScript): void {
  script.transport.lost();
  expect({ kept: script.kept.size, armed: script.clock.armed, bugs: script.bugs }).toEqual({
    kept: 0,
    armed: 0,
    bugs: [],
  });
}

describe.each(PORTS)('on a port that is %s', (port) => {
  it('HTTP/1.1 is known in any pieces, and nothing of it is lost', () => {
    for (let size = 1; size <= GET.length; size++) {
      const script = new SnifferScript(port);
      script.receiveInPieces(GET, size);
      expect(script.take()).toEqual(['http1', 'GET /a']);
      expect(script.transport.handler).not.toBe(script.sniffer);
      expect(script.kept.has(script.sniffer)).toBe(false);
      leave(script);
    }
  });

  it.each(['POST', 'PUT', 'PATCH', 'PRI'])('%s is not taken for HTTP/2', (method) => {
    const script = new SnifferScript(port);
    script.receiveInPieces(`${method} /b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`, 1);
    expect(script.take()).toEqual(['http1', `${method} /b`]);
    leave(script);
  });

  it('HTTP/2 is known in any pieces, and nothing of it is lost', async () => {
    for (let size = 1; size <= HTTP2.length; size++) {
      const script = new SnifferScript(port);
      script.receiveInPieces(HTTP2, size);
      expect(script.take()).toEqual(['http2']);
      const [connection] = script.kept as Set<Http2ClientConnection>;
      expect(connection).toBeInstanceOf(Http2ClientConnection);
      expect(connection!.session.isBetween).toBe(true);
      await turn();
      const told = Buffer.from(script.transport.take(), 'latin1');
      // Its SETTINGS, and the acknowledgement of the client's, which came behind the preface.
      expect(told[3]).toBe(TYPES.SETTINGS);
      expect(told.includes(frame(TYPES.SETTINGS, 1, 0))).toBe(true);
      leave(script);
    }
  });

  it('a reset before all is clear leaves nothing behind', () => {
    for (const said of ['', 'P', PREFACE.toString().slice(0, 23)]) {
      const script = new SnifferScript(port);
      if (said !== '') script.receive(said);
      script.transport.lost();
      expect(script.take()).toEqual(['closed']);
      leave(script);
    }
  });

  it('a head that never comes costs no more than its time', () => {
    const script = new SnifferScript(port);
    script.receive('PRI');
    script.clock.advance(9_980);
    script.receive(' ');
    expect(script.take()).toEqual([]);
    script.clock.advance(30);
    if (port === 'http') {
      expect(script.take()).toEqual(['http1', 'head_timeout']);
      expect(script.transport.take()).toContain('HTTP/1.1 408 ');
      expect(script.transport.log).toEqual(['end']);
    } else {
      expect(script.take()).toEqual(['dial null', 'opaque']);
    }
    leave(script);
  });

  it('is told to close, and whoever comes next says so', () => {
    for (const tell of ['announceClose', 'drain', 'expire'] as const) {
      const script = new SnifferScript(port);
      script.receive('P');
      script.sniffer[tell]();
      script.receive('OST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
      expect(script.take()).toEqual(['http1', 'POST /b']);
      script.asker!.sendLocal(failureAnswer('no_route'), NO_EDITS);
      script.asker!.finish(true);
      expect(script.transport.take()).toContain('connection: close');
      leave(script);
    }
  });

  it('HTTP/2 that comes during a drain is told so at once', async () => {
    const script = new SnifferScript(port);
    script.receive(PREFACE.subarray(0, 10));
    script.sniffer.drain();
    script.receive(HTTP2.subarray(10));
    await turn();
    expect(Buffer.from(script.transport.take(), 'latin1').includes(Buffer.from([0, 0, 8, TYPES.GOAWAY]))).toBe(true);
    leave(script);
  });

  it('a bug in who comes next costs this connection alone', () => {
    const script = new SnifferScript(port);
    script.onOpen = () => {
      throw new Error('a bug');
    };
    script.receive(GET);
    expect(script.bugs.splice(0)).toEqual([new Error('a bug')]);
    expect(script.transport.log).toEqual(['reset']);
    expect(script.kept.size).toBe(0);
    leave(script);
  });

  it('whatever comes is decided within bounds, and nothing is lost', () => {
    const starts = [
      '',
      'PRI * HTTP/2.0\r\n\r\n',
      'GET ',
      'AAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      '\x16\x03\x01',
      hello.toString('latin1', 0, 90),
    ];
    const bytes = fc
      .tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }))
      .map(([start, rest]) => Buffer.concat([Buffer.from(start, 'latin1'), rest]));
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 50 }), (all, size) => {
        const script = new SnifferScript(port);
        const read = script.receiveInPieces(all, size);
        script.clock.advance(10_020);
        expect(script.bugs).toEqual([]);
        const spoken = script.take().find((line) => SPOKEN.test(line));
        if (port === 'http') expect(spoken).toBeOneOf(all.length === 0 ? [undefined] : ['http1', 'http2']);
        else if (port === 'auto') expect(spoken).toBeDefined();
        if (spoken !== 'opaque' && spoken !== 'tls') return;
        script.splice();
        expect(script.heard()).toBe(all.toString('latin1', 0, read));
      }),
      { numRuns: 300 },
    );
  });
});

describe.each(['http', 'shared'] as const)('silence on a port that is %s', (port) => {
  it('lasts as long as an idle connection may', () => {
    const script = new SnifferScript(port);
    script.clock.advance(59_900);
    expect(script.take()).toEqual([]);
    script.clock.advance(200);
    expect(script.take()).toEqual(['http1']);
    expect(script.transport.log).toEqual(['end']);
    leave(script);
  });

  it('ends with a FIN that is answered with ours', () => {
    const script = new SnifferScript(port);
    script.transport.fin();
    expect(script.take()).toEqual(['http1']);
    expect(script.transport.log).toEqual(['end']);
    leave(script);
  });

  it('has a short grace in a drain', () => {
    const script = new SnifferScript(port);
    script.sniffer.drain();
    script.clock.advance(1_900);
    expect(script.transport.log).toEqual([]);
    script.clock.advance(200);
    expect(script.transport.log).toEqual(['end']);
    leave(script);
  });
});

describe('on a port for HTTP alone', () => {
  it.each([
    ['TLS', () => hello],
    ['a binary protocol', () => Buffer.from([0, 0, 0, 8])],
    ['a preface that goes wrong', () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\n\r\n\r\n')],
  ])('%s is answered like bad HTTP', (_, bytes) => {
    const script = new SnifferScript('http');
    script.receive(Buffer.concat([bytes(), Buffer.from('\r\n\r\n')]));
    expect(script.take()[0]).toBe('http1');
    expect(script.transport.take()).toMatch(/^HTTP\/1\.1 (400|505) /);
    leave(script);
  });

  it('a FIN in the middle of a preface is that of an idle client', () => {
    const script = new SnifferScript('http');
    script.receive('PRI');
    script.transport.fin();
    expect(script.take()).toEqual(['http1']);
    expect(script.transport.log).toEqual(['end']);
    leave(script);
  });
});

describe('on a port for HTTP/2 alone', () => {
  const told = async (script: SnifferScript): Promise<string[]> => {
    await turn();
    return parseFrames(Buffer.from(script.transport.take(), 'latin1')).map(describeFrame);
  };
  const REFUSED = ['SETTINGS', 'GOAWAY 0 PROTOCOL_ERROR'];

  it.each([
    ['HTTP/1.1', () => GET],
    ['TLS', () => hello],
    ['a byte', () => '\0'],
    ['a preface that goes wrong', () => PREFACE.toString('latin1', 0, 23)],
  ])('%s gets the GOAWAY that RFC 9113 (3.4) asks for, and the end', async (_, said) => {
    for (const size of [1, 7, 1_000]) {
      const script = new SnifferScript('http2');
      script.receiveInPieces(Buffer.concat([Buffer.from(said()), Buffer.from('x')]), size);
      expect(script.take()).toEqual(['http2', 'bad_request']);
      expect(await told(script)).toEqual(REFUSED);
      expect(script.transport.log).toEqual(['end']);
      leave(script);
    }
  });

  it('the preface is taken in any pieces', async () => {
    for (let size = 1; size <= HTTP2.length; size++) {
      const script = new SnifferScript('http2');
      script.receiveInPieces(HTTP2, size);
      expect(script.take()).toEqual(['http2']);
      expect(await told(script)).toEqual(['SETTINGS', 'SETTINGS ack']);
      leave(script);
    }
  });

  it('a preface that does not end costs no more than the time of a head', async () => {
    const script = new SnifferScript('http2');
    script.receive('PRI');
    script.clock.advance(10_020);
    expect(script.take()).toEqual(['http2', 'head_timeout']);
    expect(await told(script)).toEqual(['SETTINGS', 'GOAWAY 0 NO_ERROR']);
    leave(script);
  });

  it('silence lasts as long as an idle connection may, and a FIN is answered with ours', () => {
    const silent = new SnifferScript('http2');
    silent.clock.advance(59_900);
    expect(silent.take()).toEqual([]);
    silent.clock.advance(200);
    const gone = new SnifferScript('http2');
    gone.transport.fin();
    for (const script of [silent, gone]) {
      expect(script.take()).toEqual(['http2']);
      expect(script.transport.log).toEqual(['end']);
      leave(script);
    }
  });
});

describe.each(['auto', 'shared'] as const)('TLS on a port that is %s', (port) => {
  it('becomes a tunnel with the name of its server, in any pieces, at the last byte of the hello', () => {
    for (const size of [1, 2, 3, 5, 6, 100, 1_000, hello.length]) {
      const script = new SnifferScript(port);
      expect(script.receiveInPieces(hello, size)).toBe(hello.length);
      expect(script.take()).toEqual(['dial orders.mesh', 'tls']);
      expect(script.transport.isPaused).toBe(true);
      script.splice();
      expect(script.heard()).toBe(hello.toString('latin1'));
      leave(script);
    }
  });

  it('is known also in two reads cut anywhere, and in small records', () => {
    const records = inRecords(hello.subarray(5), 100);
    for (const bytes of [hello, records]) {
      for (let cut = 1; cut < bytes.length; cut++) {
        const script = new SnifferScript(port);
        script.receive(bytes.subarray(0, cut));
        expect(script.take()).toEqual([]);
        script.receive(bytes.subarray(cut));
        expect(script.seen).toContain('dial orders.mesh');
      }
    }
  });

  it('that is malformed is passed on without a name', () => {
    const wrong = Buffer.from(hello);
    wrong[9] = 2;
    const script = new SnifferScript(port);
    script.receive(wrong);
    expect(script.take()).toContain('dial null');
    script.splice();
    expect(script.heard()).toBe(wrong.toString('latin1'));
    leave(script);
  });

  it('keeps less than 16 KiB of a hello that does not end', () => {
    const script = new SnifferScript(port);
    const header = Buffer.from([22, 3, 1, 0x3f, 0xf0, 1]);
    expect(script.receiveInPieces(Buffer.concat([header, Buffer.alloc(MAX_HELLO_BYTES)]), 1)).toBeLessThan(
      MAX_HELLO_BYTES + 5,
    );
    expect(script.take()).toContain('dial null');
    leave(script);
  });
});

describe('on a port that takes anything', () => {
  const auto = (): SnifferScript => new SnifferScript('auto');

  it.each(['\0', '\x16\x02', '\r\nGET / HTTP/1.1', 'EHLO host\r\n', 'get /a\r\n', 'GET  /a'])(
    '%j is opaque at once, and reaches the endpoint first',
    (text) => {
      const script = auto();
      script.receive(text);
      expect(script.take()).toEqual(['dial null', 'opaque']);
      expect(script.transport.isPaused).toBe(true);
      script.splice();
      expect(script.transport.isPaused).toBe(false);
      script.receive('later');
      expect(script.heard()).toBe(`${text}later`);
      script.endpoint.handler.onBytes(Buffer.from('answer'));
      expect(script.transport.take()).toBe('answer');
      expect(script.meter.bytes).toBe(text.length + 11);
      leave(script);
      expect(script.take()).toEqual(['closed', `over ${text.length + 5} 6 client_gone`]);
    },
  );

  it('silence is a client that waits for a greeting', () => {
    const script = auto();
    script.clock.advance(SILENCE_MS - 10);
    expect(script.take()).toEqual([]);
    script.clock.advance(20);
    expect(script.take()).toEqual(['dial null', 'silent']);
    script.splice();
    script.endpoint.handler.onBytes(Buffer.from('220 hello'));
    expect(script.transport.take()).toBe('220 hello');
    script.receive('EHLO');
    expect(script.heard()).toBe('EHLO');
    leave(script);
  });

  it('one byte ends the silence', () => {
    const script = auto();
    script.receive('G');
    script.clock.advance(9_000);
    expect(script.take()).toEqual([]);
    script.receive(GET.slice(1));
    expect(script.take()).toEqual(['http1', 'GET /a']);
    leave(script);
  });

  it('a FIN is passed on behind what was said before it', () => {
    for (const text of ['', 'GE', 'PRI * HTTP/2', hello.toString('latin1', 0, 50)]) {
      const script = auto();
      if (text !== '') script.receive(text);
      script.transport.fin();
      expect(script.take()).toEqual(['dial null', 'opaque']);
      expect(script.endpoint.isEnded).toBe(false);
      script.splice();
      expect({ heard: script.heard(), isEnded: script.endpoint.isEnded }).toEqual({ heard: text, isEnded: true });
      leave(script);
    }
  });

  it('an endpoint that takes nothing stops the reading of its client', () => {
    const script = auto();
    script.receive('\0first');
    script.endpoint.pendingBytes = 1;
    script.splice();
    expect(script.transport.isPaused).toBe(true);
    script.endpoint.drain();
    expect(script.transport.isPaused).toBe(false);
    leave(script);
  });

  it('a client that is refused is reset, and not kept', () => {
    const script = auto();
    script.onOpen = () => script.client!.refuse();
    script.receive('\0');
    expect(script.transport.log).toEqual(['reset']);
    expect(script.kept.size).toBe(0);
    leave(script);
  });

  it('a client that is lost while its endpoint is dialled is told of', () => {
    const script = auto();
    script.receive('\0');
    expect([...script.kept][0]).toBeInstanceOf(ClientTunnel);
    script.transport.lost();
    expect(script.take()).toContain('client_gone');
    leave(script);
  });

  it('a drain leaves it the time to show that it waits for a greeting, and the end of all time ends it', () => {
    const script = auto();
    script.sniffer.drain();
    script.clock.advance(SILENCE_MS + 10);
    expect(script.take()).toContain('silent');
    leave(script);

    const late = auto();
    late.sniffer.expire();
    late.clock.advance(SILENCE_MS + 10);
    expect(late.transport.log).toEqual(['reset']);
    expect(late.take()).toContain('draining');
    leave(late);
  });

  it('a bug behind a timer costs this connection alone', () => {
    for (const said of ['', 'GE']) {
      const script = auto();
      if (said !== '') script.receive(said);
      script.onOpen = () => {
        throw new Error('a bug');
      };
      script.clock.advance(10_020);
      expect(script.bugs.splice(0)).toEqual([new Error('a bug')]);
      expect(script.transport.log).toEqual(['reset']);
      leave(script);
    }
  });
});

describe('a shared port', () => {
  it('sends away what names nobody', () => {
    for (const text of ['\0', 'EHLO host\r\n']) {
      const script = new SnifferScript('shared');
      script.onOpen = () => script.client!.refuse();
      script.receive(text);
      expect(script.transport.log).toEqual(['reset']);
      leave(script);
    }
  });
});
