import { createHash } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { eventually } from '../support/eventually.ts';
import { sendOne } from './load.ts';
import { Scene } from './scene.ts';

const REQUESTS = 1_500;
const AT_ONCE = 32;
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);

/** What may happen to a request; some of it is no fault at all. */
const WISHES = [
  '',
  '',
  '',
  'echo',
  'echo',
  'bytes=300000',
  'bytes=70000&chunked',
  'trailers',
  'hints',
  'status=204',
  'status=304',
  'status=503',
  'reset=before',
  'close=before',
  'reset=middle',
  'close=middle',
  'reset=middle&chunked',
  'until=close',
  'reset=middle&until=close',
  'early=413',
  'early=503',
  'delay=20',
  'stall',
  'never',
  'idle=5',
  'expect=refuse',
  'raw=HTTP/1.1 101 x~Upgrade: x~Connection: upgrade~~',
  'raw=nonsense~~',
  'raw=HTTP/1.1 200 OK~Content-Length: 2~~okextra',
];

interface Outcome {
  readonly id: string;
  readonly method: string;
  /** What came back was cut, refused or nothing; all else must be right. */
  readonly isWhole: boolean;
  readonly answers: string;
  readonly isRight: boolean;
}

let scene: Scene | null = null;

afterEach(() => scene?.close());

describe.each(['handle', 'data'])('over %s transports', (transport) => {
  it(`answers nobody with what is another's, sends no POST twice and closes its books (seed ${SEED})`, async () => {
    const policy = { timeouts: { attempt: '300ms', request: '600ms', streamIdle: '500ms' }, retry: { backoff: '5ms' } };
    scene = await Scene.start(['a', 'b', 'c'], {
      orders: { ...policy, breaker: { consecutiveFailures: 50, coolDown: '20ms', maxCoolDown: '50ms' } },
      args: ['--transport', transport],
    });
    const random = new SeededRandom(SEED);
    const agent = new Agent({ keepAlive: true });
    const outcomes: Outcome[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let n = next++; n < REQUESTS; n = next++)
        outcomes.push(await askAtRandom(scene!.port, `r-${n}`, random, agent));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    agent.destroy();

    expect(outcomes.filter(({ isWhole, isRight }) => isWhole && !isRight)).toEqual([]);
    expect(outcomes.filter(({ id, answers }) => answers !== '' && answers !== id)).toEqual([]);
    expect(outcomes.filter(({ isWhole }) => isWhole).length).toBeGreaterThan(REQUESTS / 4);
    const begun = scene.origins.flatMap((origin) => origin.begun);
    const once = outcomes.filter(({ method }) => method === 'POST').map(({ id }) => id);
    for (const id of once) expect(begun.filter((other) => other === id).length).toBeLessThanOrEqual(1);
    // Whatever happened, those who come after are served.
    await eventually(async () => (await sendOne(scene!.port, 'after', 'GET')).status === 200);
  });
});

function askAtRandom(port: number, id: string, random: SeededRandom, agent: Agent): Promise<Outcome> {
  const wish = WISHES[random.below(WISHES.length)]!;
  const method = ['GET', 'POST', 'PUT'][random.below(3)]!;
  const body = method === 'GET' ? Buffer.alloc(0) : Buffer.alloc(random.below(3) * random.below(100_000), `${id} `);
  const abortsAfterMs = random.below(4) === 0 ? random.below(40) : -1;
  const headers: Record<string, string | number> = { 'x-id': id };
  if (random.below(3) === 0) headers['te'] = 'trailers';
  if (method !== 'GET' && random.below(2) === 0) headers['content-length'] = body.length;
  if (method !== 'GET' && random.below(5) === 0) headers['expect'] = '100-continue';

  return new Promise((resolve) => {
    const lost = (): void => resolve({ id, method, isWhole: false, answers: '', isRight: true });
    const target = `/?${wish.replaceAll(' ', '%20')}`;
    const sent = request({ host: '127.0.0.1', port, method, path: target, headers, agent });
    let isAnswered = false;
    sent.on('error', lost).on('close', () => isAnswered || lost());
    sent.on('response', (answer) => {
      isAnswered = true;
      void bodyOf(answer).then((got) => {
        if (got === null) return lost();
        const answers = String(answer.headers['x-answers'] ?? '');
        resolve({ id, method, isWhole: true, answers, isRight: isRight(answer, method, got, wish, body) });
      });
    });
    if (abortsAfterMs >= 0) setTimeout(() => sent.destroy(), abortsAfterMs);
    if ('expect' in headers) sent.on('continue', () => sent.end(body)).flushHeaders();
    else sent.end(body);
  });
}

/** Null when it was cut. */
async function bodyOf(answer: IncomingMessage): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of answer as AsyncIterable<Buffer>) pieces.push(piece);
  } catch {
    return null;
  }
  return answer.complete ? Buffer.concat(pieces) : null;
}

function isRight(answer: IncomingMessage, method: string, got: Buffer, wish: string, sent: Buffer): boolean {
  const { statusCode: status = 0, headers, trailers } = answer;
  const failure = headers['x-remora-failure'];
  // A connection that was used up is no reason to fail what may be sent again.
  if (failure !== undefined) return status >= 400 && !(method === 'GET' && failure === 'connection_stale');
  if (wish.includes('middle') || wish === 'stall' || wish === 'never') return false;
  if (wish === 'echo') return status === 200 && got.equals(sent);
  if (wish.startsWith('bytes=')) {
    const digest = createHash('sha256').update(got).digest('hex');
    const told = headers['x-digest'] ?? trailers['x-digest'];
    return status === 200 && got.length === Number(/\d+/.exec(wish)) && (told === undefined || told === digest);
  }
  if (wish.startsWith('raw=HTTP/1.1 200')) return got.toString() === 'ok';
  if (wish.startsWith('until')) return got.toString() === 'until the very end';
  const wanted = Number(/(?:status|early)=(\d+)/.exec(wish)?.[1] ?? 200);
  return status === wanted || (wish === 'expect=refuse' && status === 417);
}
