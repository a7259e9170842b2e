import { expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { NO_EDITS } from '../../src/http/edits.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { Closed } from '../../src/net/close-reasons.ts';
import { type ConnectionOptions, DEFAULT_CONNECTIONS } from '../../src/net/connection-options.ts';
import { NOBODY } from '../../src/net/nobody.ts';
import { Pool } from '../../src/net/pool.ts';
import { mostlyAllocatedPer } from '../support/allocated.ts';
import { FakeSockets } from '../support/fake-transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingResponse } from '../support/recording-response.ts';

const LIMITS = { maxHeadBytes: 4096, maxFields: 50, maxTargetBytes: 1024 };
const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: timeout=3600\r\n\r\n');
/** The smallest thing on the heap takes 12 bytes. */
const NOTHING = 1;
const TIMEOUT_MS = 120_000;
const NOW = 1_000.25;

/** Of one request on a connection that rests before and after it. */
function allocatedWith(connections: Partial<ConnectionOptions>, hasLearned: boolean): number {
  const sockets = new FakeSockets();
  const context = {
    sockets,
    host: sockets.host,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    closed: new Closed(),
  };
  const options = { host: '127.0.0.1', port: 80, connectTimeoutMs: 1_000, idleTimeoutMs: 3_600_000, limits: LIMITS };
  const pool = new Pool(context, { ...options, ...DEFAULT_CONNECTIONS, ...connections });
  if (hasLearned) for (const at of [-9_000, -8_000]) pool.idleLimit.closed(60_000, at);
  const parser = new RequestParser(LIMITS, 'http');
  parser.parse(Buffer.from('GET /a HTTP/1.1\r\nhost: orders\r\n\r\n', 'latin1'), 0);
  const send = (): void => {
    const upstream = pool.acquire(NOBODY, false, '1.1', NOW);
    upstream.sendHead(parser.head, NO_EDITS);
    upstream.sendEnd(null);
    sockets.host.output.flush();
    sockets.last.handler.onBytes(ANSWER);
  };
  const first = pool.acquire(new RecordingResponse(), false);
  sockets.last.write = () => true;
  sockets.last.connect();
  first.sendHead(parser.head, NO_EDITS);
  first.sendEnd(null);
  sockets.last.handler.onBytes(ANSWER);
  const allocated = mostlyAllocatedPer((times) => {
    for (let i = 0; i < times; i++) send();
  });
  expect([sockets.dialed.length, pool.idleCount]).toEqual([1, 1]);
  return allocated;
}

it(
  'allocates nothing more for a connection whose life is bounded, and whose endpoint has shown its patience',
  () => {
    const plain = allocatedWith({}, false);
    const bounded = allocatedWith(
      { maxRequests: 1_000_000_000, maxAgeMs: 86_400_000, warm: 4, drainTimeoutMs: 1 },
      true,
    );
    expect(bounded - plain).toBeLessThan(NOTHING);
  },
  TIMEOUT_MS,
);
