import { createServer, type ServerResponse } from 'node:http';
import { SystemClock } from '../../base/clock-system.ts';
import { freshRandom } from '../../base/random.ts';
import { sleep } from '../../base/sleep.ts';

/**
 * The orders application of the demo: `node orders-app.js NAME steady|slow|flaky`. It knows nothing of remora, and is
 * as bad as its kind says. The cycle of the flaky one begins with its first request, so that every run sees the same.
 */
/** The clock rounds up to 10 ms: what the caller waits is 40 to 80. */
const SLOW = { fromMs: 35, toMs: 70 };
const FLAKY = { failsFromMs: 1_000, failsToMs: 3_000, everyMs: 6_000 };

const [name = 'orders', kind = 'steady'] = process.argv.slice(2);
const clock = new SystemClock();
const random = freshRandom();
const never = new AbortController().signal;
let firstAt = 0;

const server = createServer((request, response) => {
  request.resume();
  void answer(response);
});
server.listen(0, '127.0.0.1', () => {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  process.stderr.write(`${JSON.stringify({ event: 'listening', listener: 'app', port })}\n`);
});

async function answer(response: ServerResponse): Promise<void> {
  if (firstAt === 0) firstAt = clock.now();
  if (kind === 'slow') await sleep(clock, SLOW.fromMs + random.below(SLOW.toMs - SLOW.fromMs), never);
  const isBad = kind === 'flaky' && failsAt(clock.now() - firstAt);
  response.writeHead(isBad ? 503 : 200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(isBad ? { error: `${name} has a bad moment` } : { order: 4711, from: name })}\n`);
}

function failsAt(elapsedMs: number): boolean {
  const inCycle = elapsedMs % FLAKY.everyMs;
  return inCycle >= FLAKY.failsFromMs && inCycle < FLAKY.failsToMs;
}
