import { expect, it } from 'vitest';
import { LiveEndpoint } from '../../src/cluster/live-endpoint.ts';
import { DEFAULT_BREAKER } from '../../src/policy/options.ts';
import { allocatedPer } from '../support/allocated.ts';
import { evidence } from '../support/evidence.ts';
import { IdleConnector, spec } from '../support/fake-endpoint.ts';

/** The smallest thing on the heap takes 12 bytes; a deoptimised moment is spread over ten thousand attempts. */
const NOTHING = 1;
/** As they come down from the event that they were read for: on the heap already, which the text among them ensures. */
const PERIOD = 1_000;
const INSTANTS: readonly (number | string)[] = [...Array.from({ length: PERIOD }, (_, i) => 1012.5 + i / 8), 'end'];
const RANDOM = { uint32: () => 0, next: () => 0, below: () => 0 };
const INSTANT = { startedAt: 1000.5, sentAt: 1000.75, firstByteAt: 1010.125 };

const PROOFS = {
  success: evidence('success', { status: 200, ...INSTANT }),
  'slower success': evidence('success', { status: 200, ...INSTANT, firstByteAt: 1012.375 }),
  'bad answer': evidence('failure', { status: 503, ...INSTANT }),
  timeout: evidence('failure', { code: 'attempt_timeout', ...INSTANT, firstByteAt: 0 }),
  'client that went away': evidence('ignored', { code: 'client_gone', ...INSTANT, firstByteAt: 0 }),
};

/** All kinds first, as in a process that has seen them all: what one kind alone would not need the next one does. */
it.each(Object.keys(PROOFS) as (keyof typeof PROOFS)[])(
  'learns from a %s without putting anything on the heap',
  (name) => {
    const listener = { onBreakerChange: () => undefined };
    const endpoint = new LiveEndpoint(spec('a'), new IdleConnector(), DEFAULT_BREAKER, RANDOM, listener, 1000);
    const all = Object.values(PROOFS);
    for (let i = 0; i < 50_000; i++) endpoint.learn(all[i % all.length]!, INSTANTS[i % PERIOD] as number);
    const proof = PROOFS[name];
    const perAttempt = allocatedPer((times) => {
      for (let i = 0; i < times; i++) endpoint.learn(proof, INSTANTS[i % PERIOD] as number);
    });
    expect(perAttempt).toBeLessThan(NOTHING);
  },
);
