import { expect, it } from 'vitest';
import { allocatedPer } from '../../support/allocated.ts';
import { evidence } from '../../support/evidence.ts';
import { spec } from '../../support/fake-endpoint.ts';
import { judgedCluster } from '../../support/judged-cluster.ts';

/** The smallest thing on the heap takes 12 bytes; a deoptimised moment is spread over ten thousand attempts. */
const NOTHING = 1;
/** As they come down from the event that they were read for: on the heap already, which the text among them ensures. */
const PERIOD = 1_000;
const INSTANTS: readonly (number | string)[] = [...Array.from({ length: PERIOD }, (_, i) => 1012.5 + i / 8), 'end'];

const mode = 'enforce';
const row = { mode, count: 1_000_000_000 } as const;
const volume = { mode, minHosts: 5, minRequests: 1 } as const;
/** All that there is. */
const EVERYTHING = {
  consecutive5xx: row,
  consecutiveGateway: row,
  consecutiveLocal: row,
  successRate: { ...volume, factor: 1.9, margin: 0.05 },
  failurePercentage: { ...volume, share: 0.9 },
  latency: { ...volume, factor: 4, floorMs: 100 },
};
const INSTANT = { startedAt: 1000.5, sentAt: 1000.75, firstByteAt: 1010.125 };

it.each([
  ['a success', evidence('success', { status: 200, ...INSTANT })],
  ['a bad answer', evidence('failure', { status: 503, ...INSTANT })],
  ['an attempt without an answer', evidence('failure', { code: 'attempt_timeout', ...INSTANT, firstByteAt: 0 })],
  ['a client that went away', evidence('ignored', { code: 'client_gone', ...INSTANT, firstByteAt: 0 })],
])('allocates nothing for %s', (_, proof) => {
  const judged = judgedCluster(EVERYTHING);
  judged.apply(spec('a'), spec('b'));
  const { watcher } = judged.find('a');
  const perAttempt = allocatedPer((times) => {
    for (let i = 0; i < times; i++) watcher.onSettled(proof, INSTANTS[i % PERIOD] as number);
  });
  expect(perAttempt).toBeLessThan(NOTHING);
});
