import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import type { RequestHead, ResponseHead } from '../../src/http/head.ts';
import { DEFAULT_STALE } from '../../src/policy/fallback.ts';
import { SpentTraces } from '../../src/proxy/spent-traces.ts';
import { StaleCache } from '../../src/proxy/stale-cache.ts';
import { requestHead, responseHead } from '../support/exchange-script.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const HEAD_BYTES = 32_768;
const TIMES = 1_000;

/** A value as a parser gives it: a slice of a long head. */
function sliced(value: string): string {
  return Buffer.from(`${value}${'j'.repeat(HEAD_BYTES)}`)
    .toString('latin1')
    .slice(0, value.length);
}

/** What stays on the heap of each. */
function keptBytes(keep: (i: number) => void): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < TIMES; i++) keep(i);
  collect();
  return (process.memoryUsage().heapUsed - before) / TIMES;
}

it('a kept answer keeps nothing of the heads that it came with', () => {
  const cache = new StaleCache(DEFAULT_STALE);
  const kept = keptBytes((i) => {
    const request: RequestHead = requestHead({
      path: `/${i}`,
      fields: { 'x-language': sliced('a language of its own') },
    });
    const fields = { vary: sliced('x-language, x-another'), etag: sliced('"the etag of an answer"') };
    const answer: ResponseHead = responseHead(200, 'length', 4, fields);
    const copy = cache.copy(request, answer, 0);
    copy.add(Buffer.from('good'));
    copy.finish(0);
  });
  expect(cache.size).toBe(TIMES);
  expect(kept).toBeLessThan(HEAD_BYTES / 8);
});

it('a trace that is remembered keeps nothing of the head that named it', () => {
  const spent = new SpentTraces();
  const kept = keptBytes((i) => spent.add(sliced(String(i).padStart(32, '0')), 0));
  expect(spent.size).toBe(TIMES);
  expect(kept).toBeLessThan(HEAD_BYTES / 8);
});
