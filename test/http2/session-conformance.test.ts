import { describe, expect, it } from 'vitest';
import { bitsToBytes, EOS_CODE, huffman, huffmanString, integer, plainString } from '../support/hpack-bytes.ts';
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
  goAway,
  headers,
  openHeaders,
  PADDED,
  POST,
  PREFACE,
  PRIORITY,
  padded,
  ping,
  post,
  priority,
  reset,
  settings,
  TYPES,
  uint32,
  windowUpdate,
} from '../support/http2-frames.ts';
import { SessionScript, splits } from '../support/http2-script.ts';

const { DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE } = TYPES;
const NOTHING = Buffer.alloc(0);
const ANSWERED = ['HEADERS 1', 'DATA 1 5 end'];
const LONG = Buffer.alloc(16_384, 'x');
const TOO_LONG = Buffer.alloc(16_385, 'x');

type Row = readonly [what: string, frames: readonly Buffer[], outcome: readonly string[]];

/** After a preface and SETTINGS; a PING behind it tells whether the connection lives. */
function rows(section: string, table: readonly Row[]): void {
  describe(section, () => {
    it.each(table)('%s', (_what, frames, outcome) => {
      expectOutcome([PREFACE, settings(), ...frames], outcome);
    });
  });
}

function expectOutcome(frames: readonly Buffer[], outcome: readonly string[]): void {
  const input = Buffer.concat([...frames, ping()]);
  const cuts = (frames.length > 20 ? [] : frames).flatMap((_, at) => {
    const end = Buffer.concat(frames.slice(0, at + 1)).length;
    return [end - 1, end, end + 1, end + 5, end + 9, end + 10, end + 100];
  });
  const isFatal = outcome.some((line) => line.startsWith('GOAWAY'));
  for (const pieces of splits(input, cuts)) {
    const script = new SessionScript(true);
    script.session.start();
    for (const piece of pieces) script.say(piece);
    const sent = script.sent().filter((line) => !/^(SETTINGS|WINDOW_UPDATE)/.test(line));
    expect(sent).toEqual(isFatal ? outcome : [...outcome, 'PING ack']);
    expect(script.session.isOver).toBe(isFatal);
    if (!isFatal) continue;
    expect(script.session.openCount).toBe(0);
    expect(script.budget.takenBytes).toBe(0);
    script.say(headers(101, GET));
    expect(script.sent()).toEqual([]);
  }
}

describe('a connection begins (3.4)', () => {
  it.each<Row>([
    ['with the preface and SETTINGS', [PREFACE, settings()], []],
    ['not with another preface', [Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n')], ['GOAWAY 0 PROTOCOL_ERROR']],
    ['not with half of it', [PREFACE.subarray(0, 20), settings()], ['GOAWAY 0 PROTOCOL_ERROR']],
    ['not with a request', [PREFACE, headers(1, GET)], ['GOAWAY 0 PROTOCOL_ERROR']],
    ['not with DATA', [PREFACE, data(1, 'x')], ['GOAWAY 0 PROTOCOL_ERROR']],
    ['not with an acknowledgement', [PREFACE, frame(SETTINGS, ACK, 0)], ['GOAWAY 0 PROTOCOL_ERROR']],
    ['not with an unknown frame', [PREFACE, frame(0x77, 0, 0)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ])('%s', (_what, frames, outcome) => expectOutcome(frames, outcome));

  it('is answered by SETTINGS, and by an acknowledgement of the peer`s', () => {
    const script = new SessionScript(true);
    script.session.start();
    expect(script.sent()).toEqual(['SETTINGS']);
    script.say(PREFACE, settings());
    expect(script.sent()).toEqual(['SETTINGS ack']);
    expect(script.log).toEqual(['settings']);
  });
});

rows('frame format (4.1)', [
  ['an unknown type is ignored', [frame(0x16, 0xff, 0, LONG.subarray(0, 9))], []],
  ['an undefined flag is ignored', [ping('12345678', 0x16)], ['PING ack']],
  ['the reserved bit is ignored', [frame(PING, 0, 0x8000_0000, LONG.subarray(0, 8))], ['PING ack']],
]);

rows('frame size (4.2)', [
  ['the largest DATA is taken', [openHeaders(1, POST), data(1, LONG)], ANSWERED],
  ['larger DATA is an error', [openHeaders(1, POST), data(1, TOO_LONG)], ['GOAWAY 1 FRAME_SIZE_ERROR']],
  ['a larger head is an error', [headers(1, TOO_LONG)], ['GOAWAY 0 FRAME_SIZE_ERROR']],
  ['a larger unknown frame is an error', [frame(0x16, 0, 0, TOO_LONG)], ['GOAWAY 0 FRAME_SIZE_ERROR']],
]);

rows('header blocks (4.3, 6.10)', [
  ['an unreadable one is an error', [headers(1, Buffer.from([0x40]))], ['GOAWAY 1 COMPRESSION_ERROR']],
  [
    'PRIORITY does not come between',
    [headers(1, GET, END_STREAM), priority(1, 0), continuation(1, NOTHING)],
    ['GOAWAY 0 PROTOCOL_ERROR'],
  ],
  [
    'another head does not come between',
    [headers(1, GET, END_STREAM), headers(3, GET), continuation(1, NOTHING)],
    ['GOAWAY 0 PROTOCOL_ERROR'],
  ],
  [
    'an unknown frame does not come between',
    [headers(1, GET, END_STREAM), frame(0x16, 0, 0), continuation(1, NOTHING)],
    ['GOAWAY 0 PROTOCOL_ERROR'],
  ],
  [
    'DATA does not come between',
    [headers(1, GET, 0), data(1, 'x'), continuation(1, NOTHING)],
    ['GOAWAY 0 PROTOCOL_ERROR'],
  ],
  [
    'a continuation of another stream does not come between',
    [headers(1, GET, END_STREAM), continuation(3, NOTHING)],
    ['GOAWAY 0 PROTOCOL_ERROR'],
  ],
  [
    'continuations complete a head, wherever it is cut',
    [
      headers(1, GET.subarray(0, 3), END_STREAM),
      continuation(1, GET.subarray(3, 4), 0),
      continuation(1, NOTHING, 0),
      continuation(1, GET.subarray(4)),
    ],
    ANSWERED,
  ],
  ['stream 0 has none', [headers(1, GET, END_STREAM), continuation(0, NOTHING)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['nothing to continue', [headers(1, GET), continuation(1, GET)], [...ANSWERED, 'GOAWAY 1 PROTOCOL_ERROR']],
  [
    'nothing left to continue',
    [headers(1, GET, END_STREAM), continuation(1, NOTHING), continuation(1, NOTHING)],
    [...ANSWERED, 'GOAWAY 1 PROTOCOL_ERROR'],
  ],
  ['DATA is not continued', [openHeaders(1, POST), data(1, 'x', 0), continuation(1, GET)], ['GOAWAY 1 PROTOCOL_ERROR']],
]);

rows('stream states (5.1)', [
  ['idle: DATA', [data(1, 'x')], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['idle: RST_STREAM', [reset(1)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['idle: WINDOW_UPDATE', [windowUpdate(1, 100)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['idle: WINDOW_UPDATE of ours', [windowUpdate(2, 100)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['idle: CONTINUATION', [continuation(1, GET)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['idle: PRIORITY', [priority(1, 0), priority(5, 3), headers(3, GET)], ['HEADERS 3', 'DATA 3 5 end']],
  ['closed: DATA', [headers(1, GET), data(1, 'x')], [...ANSWERED, 'GOAWAY 1 STREAM_CLOSED']],
  ['closed: HEADERS', [headers(1, GET), headers(1, GET)], [...ANSWERED, 'GOAWAY 1 STREAM_CLOSED']],
  ['closed: CONTINUATION', [headers(1, GET), continuation(1, GET)], [...ANSWERED, 'GOAWAY 1 PROTOCOL_ERROR']],
  ['closed: WINDOW_UPDATE', [headers(1, GET), windowUpdate(1, 9)], ANSWERED],
  ['closed: RST_STREAM', [headers(1, GET), reset(1)], ANSWERED],
  ['closed: PRIORITY', [headers(1, GET), priority(1, 0)], ANSWERED],
  ['reset by the peer: DATA', [openHeaders(1, POST), reset(1), data(1, 'x')], ['GOAWAY 1 STREAM_CLOSED']],
  ['reset by the peer: HEADERS', [openHeaders(1, POST), reset(1), headers(1, GET)], ['GOAWAY 1 STREAM_CLOSED']],
  [
    'reset by the peer: CONTINUATION',
    [openHeaders(1, POST), reset(1), continuation(1, GET)],
    ['GOAWAY 1 PROTOCOL_ERROR'],
  ],
  [
    'reset here: what was on its way is ignored',
    [openHeaders(1, POST), windowUpdate(1, 0), data(1, 'x'), headers(1, block(['x', '1'])), reset(1)],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
]);

/** A stream whose request is complete and whose answer waits. */
const HALF_CLOSED = [settings([4, 0]), headers(1, GET)];

rows('a stream half closed by the peer (5.1)', [
  ['DATA', [...HALF_CLOSED, data(1, 'x')], ['HEADERS 1', 'RST_STREAM 1 STREAM_CLOSED']],
  ['HEADERS', [...HALF_CLOSED, headers(1, GET)], ['HEADERS 1', 'RST_STREAM 1 STREAM_CLOSED']],
  ['CONTINUATION', [...HALF_CLOSED, continuation(1, GET)], ['HEADERS 1', 'GOAWAY 1 PROTOCOL_ERROR']],
  ['WINDOW_UPDATE', [...HALF_CLOSED, windowUpdate(1, 9)], ['HEADERS 1', 'DATA 1 5 end']],
  ['PRIORITY', [...HALF_CLOSED, priority(1, 3), windowUpdate(1, 9)], ['HEADERS 1', 'DATA 1 5 end']],
  ['RST_STREAM', [...HALF_CLOSED, reset(1), windowUpdate(1, 9)], ['HEADERS 1']],
]);

rows('stream identifiers (5.1.1)', [
  ['an even one', [headers(2, GET)], ['GOAWAY 0 PROTOCOL_ERROR']],
  [
    'a smaller one, which is closed',
    [headers(5, GET), headers(3, GET)],
    ['HEADERS 5', 'DATA 5 5 end', 'GOAWAY 5 STREAM_CLOSED'],
  ],
  ['a larger one that skips some', [headers(7, GET)], ['HEADERS 7', 'DATA 7 5 end']],
  ['the largest', [headers(0x7fff_ffff, GET)], ['HEADERS 2147483647', 'DATA 2147483647 5 end']],
]);

const HUNDRED = Array.from({ length: 100 }, (_, at) => openHeaders(at * 2 + 1, POST));

rows('stream concurrency (5.1.2)', [
  ['one too many is refused', [...HUNDRED, headers(201, GET), data(201, 'x')], ['RST_STREAM 201 REFUSED_STREAM']],
  ['one that has ended makes room', [...HUNDRED, reset(1), headers(201, GET)], ['HEADERS 201', 'DATA 201 5 end']],
]);

rows('dependencies (5.3.1)', [
  [
    'a head on itself',
    [headers(1, Buffer.concat([uint32(1), Buffer.from([255]), GET]), END_STREAM | END_HEADERS | PRIORITY)],
    ['RST_STREAM 1 PROTOCOL_ERROR'],
  ],
  ['PRIORITY on itself', [priority(2, 2)], ['GOAWAY 0 PROTOCOL_ERROR']],
  [
    'a head with one',
    [headers(1, Buffer.concat([uint32(0x8000_0003), Buffer.from([255]), GET]), END_STREAM | END_HEADERS | PRIORITY)],
    ANSWERED,
  ],
]);

rows('DATA (6.1)', [
  ['on stream 0', [data(0, 'x')], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['in frames', [openHeaders(1, POST), data(1, 'ab', 0), data(1, '', 0), data(1, 'c')], ANSWERED],
  ['padded', [openHeaders(1, POST), padded(DATA, 1, END_STREAM, 7, Buffer.from('abc'))], ANSWERED],
  ['of padding alone', [openHeaders(1, POST), padded(DATA, 1, END_STREAM, 7, NOTHING)], ANSWERED],
  [
    'as much padding as payload',
    [openHeaders(1, POST), frame(DATA, END_STREAM | PADDED, 1, Buffer.from([4, 1, 2, 3]))],
    ['GOAWAY 1 PROTOCOL_ERROR'],
  ],
  [
    'padded, without a length of it',
    [openHeaders(1, POST), frame(DATA, END_STREAM | PADDED, 1)],
    ['GOAWAY 1 FRAME_SIZE_ERROR'],
  ],
]);

rows('HEADERS (6.2)', [
  ['on stream 0', [headers(0, GET)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['padded', [padded(HEADERS, 1, END_STREAM | END_HEADERS, 9, GET)], ANSWERED],
  [
    'more padding than payload',
    [frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, Buffer.from([9, 0x82, 0x86]))],
    ['GOAWAY 0 PROTOCOL_ERROR'],
  ],
  [
    'padded, without a length of it',
    [frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1)],
    ['GOAWAY 0 FRAME_SIZE_ERROR'],
  ],
  [
    'half a priority',
    [frame(HEADERS, END_STREAM | END_HEADERS | PRIORITY, 1, uint32(0))],
    ['GOAWAY 0 FRAME_SIZE_ERROR'],
  ],
]);

rows('PRIORITY (6.3)', [
  ['on stream 0', [priority(0, 1)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['of another size', [frame(TYPES.PRIORITY, 0, 1, uint32(1))], ['GOAWAY 0 FRAME_SIZE_ERROR']],
  ['of any weight, exclusive', [priority(1, 0, 0), priority(1, 0x8000_0005, 255), headers(1, GET)], ANSWERED],
]);

rows('RST_STREAM (6.4)', [
  ['on stream 0', [reset(0)], ['GOAWAY 0 PROTOCOL_ERROR']],
  [
    'of another size',
    [openHeaders(1, POST), frame(RST_STREAM, 0, 1, LONG.subarray(0, 3))],
    ['GOAWAY 1 FRAME_SIZE_ERROR'],
  ],
  ['of an open stream', [openHeaders(1, POST), reset(1)], []],
  ['with a code that nobody knows', [openHeaders(1, POST), reset(1, 0xffff_ffff)], []],
]);

rows('SETTINGS (6.5)', [
  ['acknowledged with a payload', [frame(SETTINGS, ACK, 0, LONG.subarray(0, 6))], ['GOAWAY 0 FRAME_SIZE_ERROR']],
  ['on a stream', [frame(SETTINGS, 0, 1)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['of a broken size', [frame(SETTINGS, 0, 0, LONG.subarray(0, 3))], ['GOAWAY 0 FRAME_SIZE_ERROR']],
  ['ENABLE_PUSH above 1', [settings([2, 2])], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['INITIAL_WINDOW_SIZE above 2^31-1', [settings([4, 0x8000_0000])], ['GOAWAY 0 FLOW_CONTROL_ERROR']],
  ['MAX_FRAME_SIZE below 2^14', [settings([5, 16_383])], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['MAX_FRAME_SIZE above 2^24-1', [settings([5, 16_777_216])], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['ENABLE_CONNECT_PROTOCOL taken back', [settings([8, 1]), settings([8, 0])], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['an unknown one', [settings([0xff, 0xffff_ffff])], []],
  ['the last value of several counts', [settings([4, 100], [4, 1]), headers(1, GET)], ['HEADERS 1', 'DATA 1 1']],
]);

rows('PUSH_PROMISE (6.6, 8.4)', [
  [
    'is never welcome',
    [frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([uint32(3), GET]))],
    ['GOAWAY 0 PROTOCOL_ERROR'],
  ],
]);

rows('PING (6.7)', [
  ['is answered', [ping('abcdefgh')], ['PING ack']],
  ['an answer is not', [ping('abcdefgh', ACK)], []],
  ['on a stream', [frame(PING, 0, 1, LONG.subarray(0, 8))], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['of another size', [frame(PING, 0, 0, LONG.subarray(0, 6))], ['GOAWAY 0 FRAME_SIZE_ERROR']],
]);

rows('GOAWAY (6.8)', [
  ['on a stream', [frame(GOAWAY, 0, 1, uint32(0, 0))], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['too short', [frame(GOAWAY, 0, 0, uint32(0))], ['GOAWAY 0 FRAME_SIZE_ERROR']],
  ['with any code and text', [frame(GOAWAY, 0, 0, Buffer.concat([uint32(0, 0xff), LONG.subarray(0, 9)]))], []],
  ['is not the end of what runs', [openHeaders(1, POST), goAway(0), data(1, 'x')], ANSWERED],
]);

rows('WINDOW_UPDATE (6.9)', [
  ['by nothing', [windowUpdate(0, 0)], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['by nothing but the reserved bit', [frame(WINDOW_UPDATE, 0, 0, uint32(0x8000_0000))], ['GOAWAY 0 PROTOCOL_ERROR']],
  ['of a stream by nothing', [openHeaders(1, POST), windowUpdate(1, 0)], ['RST_STREAM 1 PROTOCOL_ERROR']],
  ['of another size', [frame(WINDOW_UPDATE, 0, 0, LONG.subarray(0, 3))], ['GOAWAY 0 FRAME_SIZE_ERROR']],
  ['above the limit', [windowUpdate(0, 0x7fff_ffff), windowUpdate(0, 1)], ['GOAWAY 0 FLOW_CONTROL_ERROR']],
  ['to the limit', [windowUpdate(0, 0x7fff_ffff - 65_535)], []],
  [
    'of a stream above the limit',
    [openHeaders(1, POST), windowUpdate(1, 0x7fff_ffff), windowUpdate(1, 1)],
    ['RST_STREAM 1 FLOW_CONTROL_ERROR'],
  ],
  ['lets bytes out, no more than said', [...HALF_CLOSED, windowUpdate(1, 1)], ['HEADERS 1', 'DATA 1 1']],
  ['a later initial window counts for open streams', [...HALF_CLOSED, settings([4, 1])], ['HEADERS 1', 'DATA 1 1']],
  [
    'a window below nothing has to be made up for',
    [settings([4, 3]), headers(1, GET), settings([4, 1]), windowUpdate(1, 1), windowUpdate(1, 2)],
    ['HEADERS 1', 'DATA 1 3', 'DATA 1 1'],
  ],
  [
    'an initial window that lifts an open one above the limit',
    [openHeaders(1, POST), windowUpdate(1, 0x7fff_ffff - 65_535), settings([4, 65_536])],
    ['GOAWAY 1 FLOW_CONTROL_ERROR'],
  ],
]);

const MALFORMED = ['RST_STREAM 1 PROTOCOL_ERROR'];
const pseudo = (name: string, value: string) => block([name, value]);
const METHOD = pseudo(':method', 'GET');
const SCHEME = pseudo(':scheme', 'http');
const AUTHORITY = pseudo(':authority', 'a');
const PATH = pseudo(':path', '/');

rows('malformed requests cost the stream (8.1 to 8.3)', [
  ['a second head that does not end it', [openHeaders(1, POST), openHeaders(1, block(['x', '1']))], MALFORMED],
  ['pseudo-fields in trailers', [openHeaders(1, POST), headers(1, block([':method', '1']))], MALFORMED],
  ['upper case in trailers', [openHeaders(1, POST), headers(1, block(['X-A', '1']))], MALFORMED],
  ['a name in upper case', [headers(1, get(['X-TEST', 'ok']))], MALFORMED],
  ['an empty name', [headers(1, get(['', 'ok']))], MALFORMED],
  ['an unknown pseudo-field', [headers(1, get([':test', 'ok']))], MALFORMED],
  ['a pseudo-field of answers', [headers(1, get([':status', '200']))], MALFORMED],
  ['a pseudo-field behind others', [headers(1, Buffer.concat([METHOD, SCHEME, block(['x', '1']), PATH]))], MALFORMED],
  ['connection', [headers(1, get(['connection', 'keep-alive']))], MALFORMED],
  ['keep-alive', [headers(1, get(['keep-alive', '1']))], MALFORMED],
  ['upgrade', [headers(1, get(['upgrade', 'h2c']))], MALFORMED],
  ['proxy-connection', [headers(1, get(['proxy-connection', 'close']))], MALFORMED],
  ['transfer-encoding', [openHeaders(1, post(['transfer-encoding', 'chunked']))], MALFORMED],
  ['te but trailers', [headers(1, get(['te', 'trailers, deflate']))], MALFORMED],
  ['an empty path', [headers(1, Buffer.concat([METHOD, SCHEME, AUTHORITY, pseudo(':path', '')]))], MALFORMED],
  ['no method', [headers(1, Buffer.concat([SCHEME, AUTHORITY, PATH]))], MALFORMED],
  ['no scheme', [headers(1, Buffer.concat([METHOD, AUTHORITY, PATH]))], MALFORMED],
  ['no path', [headers(1, Buffer.concat([METHOD, SCHEME, AUTHORITY]))], MALFORMED],
  ['two methods', [headers(1, Buffer.concat([METHOD, GET]))], MALFORMED],
  ['two schemes', [headers(1, Buffer.concat([SCHEME, GET]))], MALFORMED],
  ['two paths', [headers(1, Buffer.concat([PATH, GET]))], MALFORMED],
  ['authority and host that differ', [headers(1, get(['host', 'b']))], MALFORMED],
  ['a line end in a value', [headers(1, get(['x', 'a\r\nb: c']))], MALFORMED],
  [
    'a line end in a path',
    [headers(1, Buffer.concat([METHOD, SCHEME, AUTHORITY, pseudo(':path', '/\r\nx')]))],
    MALFORMED,
  ],
  ['two lengths', [openHeaders(1, post(['content-length', '1'], ['content-length', '1']))], MALFORMED],
  ['fewer bytes than said', [openHeaders(1, post(['content-length', '4'])), data(1, 'abc')], MALFORMED],
  ['more bytes than said', [openHeaders(1, post(['content-length', '2'])), data(1, 'abc')], MALFORMED],
  ['another sum than said', [openHeaders(1, post(['content-length', '1'])), data(1, 'a', 0), data(1, 'b')], MALFORMED],
  [
    'fewer bytes than said before trailers',
    [openHeaders(1, post(['content-length', '2'])), data(1, 'a', 0), headers(1, block(['x', '1']))],
    MALFORMED,
  ],
  ['a length and no body', [headers(1, post(['content-length', '2']))], MALFORMED],
]);

rows('requests (8.1)', [
  ['without a body', [headers(1, GET)], ANSWERED],
  ['with a body and trailers', [openHeaders(1, POST), data(1, 'abc', 0), headers(1, block(['x', '1']))], ANSWERED],
  [
    'with a length that is true',
    [openHeaders(1, post(['content-length', '3'])), data(1, 'a', 0), data(1, 'bc')],
    ANSWERED,
  ],
  ['te: trailers', [headers(1, get(['te', 'trailers']))], ANSWERED],
  ['one after the other', [headers(1, GET), headers(3, GET)], [...ANSWERED, 'HEADERS 3', 'DATA 3 5 end']],
]);

const indexed = (index: number) => integer(0x80, 7, index);
/** `user-agent` with this string as it stands. */
const withValue = (...value: Buffer[]) => Buffer.concat([GET, integer(0, 4, 58), ...value]);
const UNREADABLE = ['GOAWAY 1 COMPRESSION_ERROR'];

rows('HPACK', [
  ['an index beyond the tables', [headers(1, Buffer.concat([GET, indexed(70)]))], UNREADABLE],
  ['index 0', [headers(1, Buffer.concat([GET, indexed(0)]))], UNREADABLE],
  ['a table size behind fields', [headers(1, Buffer.concat([GET, integer(0x20, 5, 1)]))], UNREADABLE],
  ['a table size above ours', [headers(1, Buffer.concat([integer(0x20, 5, 4_097), GET]))], UNREADABLE],
  ['table sizes', [headers(1, Buffer.concat([integer(0x20, 5, 0), integer(0x20, 5, 128), GET]))], ANSWERED],
  [
    'Huffman padding of a byte',
    [headers(1, withValue(Buffer.from([0x83]), huffman('ab'), Buffer.from([0xff])))],
    UNREADABLE,
  ],
  ['Huffman padding of zeros', [headers(1, withValue(Buffer.from([0x81]), bitsToBytes('00011', '0')))], UNREADABLE],
  ['EOS in Huffman text', [headers(1, withValue(Buffer.from([0x84]), bitsToBytes(EOS_CODE)))], UNREADABLE],
  [
    'an integer without end',
    [headers(1, Buffer.concat([GET, Buffer.from([0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 1])]))],
    UNREADABLE,
  ],
  ['a string beyond its block', [headers(1, withValue(Buffer.from([5, 0x61])))], UNREADABLE],
  [
    'indexed fields',
    [headers(1, Buffer.concat([indexed(2), indexed(6), indexed(4), block([':authority', 'a'])]))],
    ANSWERED,
  ],
  [
    'a field put into the table and used',
    [
      headers(1, Buffer.concat([GET, integer(0x40, 6, 58), plainString('a')])),
      headers(3, Buffer.concat([GET, indexed(62)])),
    ],
    [...ANSWERED, 'HEADERS 3', 'DATA 3 5 end'],
  ],
  [
    'never indexed, new name',
    [headers(1, Buffer.concat([GET, integer(0x10, 4, 0), huffmanString('x'), huffmanString('y')]))],
    ANSWERED,
  ],
  [
    'the table lives on behind a block that nobody wants',
    [
      ...HUNDRED,
      headers(201, Buffer.concat([GET, integer(0x40, 6, 58), plainString('a')])),
      reset(1),
      headers(203, Buffer.concat([GET, indexed(62)])),
    ],
    ['RST_STREAM 201 REFUSED_STREAM', 'HEADERS 203', 'DATA 203 5 end'],
  ],
]);
