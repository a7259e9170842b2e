import { defaulted, optional, section } from '../field.ts';
import { formatSize } from '../units.ts';
import { count, duration, size } from '../values.ts';

const KIB = 1_024;
const MIB = 1_048_576;

/** A window below the one that every session begins with could not be kept to. */
const LEAST_WINDOW = 64 * KIB;

const sized = (least: number, most: number, fallback: number, meaning: string) =>
  defaulted(size({ least, most }), formatSize(fallback), { scope: 'local', meaning });

const counted = (least: number, most: number, fallback: number, meaning: string) =>
  defaulted(count(least, most), fallback, { scope: 'local', meaning });

const HEAD_WORDS = 'It counts 32 bytes for each field on top of its text, as RFC 9113 does.';

export const http2Section = section({
  maxStreams: counted(
    1,
    100_000,
    100,
    'Requests that are open on one connection at a time: of a client, which is refused more, and to an endpoint, which is asked over another connection. The least that RFC 9113 recommends, and what most servers allow.',
  ),
  maxList: optional(size({ least: KIB, most: MIB }), '`http.maxHead`', {
    scope: 'local',
    meaning: `Fields of a head or of trailers together; more costs the stream. ${HEAD_WORDS}`,
  }),
  maxFields: optional(count(1, 10_000), 'twice `http.maxFields`', {
    scope: 'local',
    meaning:
      'Fields in a head or in trailers; more costs the stream. Each cookie may come as a field of its own, hence more than HTTP/1.1 has lines.',
  }),
  maxStreamWindow: sized(
    LEAST_WINDOW,
    256 * MIB,
    MIB,
    'How far the window of a stream may grow: what one peer may send before its reader has read. Enough for 8 Gbit/s at a round trip of 1 ms.',
  ),
  maxConnectionWindow: sized(
    LEAST_WINDOW,
    1_024 * MIB,
    4 * MIB,
    'The same for all streams of a connection together; four that are as fast as they can be.',
  ),
  windowBudget: sized(
    MIB,
    16_384 * MIB,
    64 * MIB,
    'What all windows of the process together may have grown by. A window is memory that somebody else may fill.',
  ),
  maxHeld: sized(
    LEAST_WINDOW,
    1_024 * MIB,
    MIB,
    'Bodies that wait in memory because somebody is slow, per connection and direction. When as much is held the peer gets no more credit; a stream that brings more than it was asked for is reset.',
  ),
  maxResets: counted(
    1,
    1_000_000,
    250,
    'Streams that ended by a reset, beyond those that ended well and one a second, before the connection is closed (CVE-2023-44487, CVE-2025-8671). A client that cancels every other call for ever stays below.',
  ),
  maxUselessFrames: counted(
    10,
    1_000_000,
    1_000,
    'Frames that move nothing (PING, SETTINGS, WINDOW_UPDATE, empty DATA), beyond ten for each that does and one a second, before the connection is closed. No honest peer comes near.',
  ),
  pingInterval: defaulted(duration({ least: 100, zero: true }), '10s', {
    scope: 'local',
    meaning:
      'A connection to an endpoint that is silent this long, with calls on it, is asked whether it lives. Long enough to cost nothing, and short against the 15 minutes after which TCP notices.',
  }),
  pingTimeout: defaulted(duration({ least: 100 }), '3s', {
    scope: 'local',
    meaning: 'It is dead when it has not answered by then: a busy endpoint is slow by less.',
  }),
});
