import { expect, it } from 'vitest';
import { evidence } from '../../support/evidence.ts';
import { spec } from '../../support/fake-endpoint.ts';
import { judgedCluster } from '../../support/judged-cluster.ts';

const ENDPOINTS = 10_000;
const REQUESTS = 30;
/** It takes a hundredth of this. Where each of them asked all the others whether there is room, it took more than three times it. */
const MOST_MS = 1_000;

/** Ten thousand endpoints of which the first are slow. */
function judgedCrowd(slow: number) {
  const judged = judgedCluster({}, [], setImmediate);
  judged.apply(...Array.from({ length: ENDPOINTS }, (_, i) => spec(`e${i}`)));
  const now = judged.clock.now();
  const instant = { status: 200, startedAt: now, sentAt: now };
  [...judged.cluster.endpoints].forEach(({ watcher }, i) => {
    const proof = evidence('success', { ...instant, firstByteAt: now + (i < slow ? 500 : 5) });
    for (let k = 0; k < REQUESTS; k++) watcher.onSettled(proof, now);
  });
  return judged;
}

it('judges ten thousand endpoints, of which nearly half are slow, in no time', () => {
  const judged = judgedCrowd(0.4 * ENDPOINTS);
  const before = performance.now();
  judged.clock.advance(10_010);
  expect(performance.now() - before).toBeLessThan(MOST_MS);
  expect([...judged.cluster.endpoints].filter(({ isEjected }) => isEjected)).toHaveLength(0.4 * ENDPOINTS);
});

it('writes down few of those that it found and could not leave out, and counts them all', () => {
  const judged = judgedCluster({ latency: { mode: 'observe', minHosts: 3, minRequests: 1, factor: 4, floorMs: 100 } });
  judged.apply(...Array.from({ length: 100 }, (_, i) => spec(`e${i}`)));
  for (let i = 0; i < 100; i++) judged.attempts(`e${i}`, 2, 200, i < 40 ? 500 : 5);
  judged.clock.advance(10_010);
  expect(judged.cluster.ejector.journal.countOf('latency', 'observed')).toBe(40);
  expect(judged.events).toHaveLength(20);
});
