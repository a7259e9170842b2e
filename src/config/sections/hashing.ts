import { z } from 'zod';
import { isPrime, primeFrom } from '../../base/prime.ts';
import {
  DEFAULT_ENVOY_RING,
  DEFAULT_FIXED_RING,
  DEFAULT_MAGLEV,
  MAX_RING_SIZE,
  MAX_TABLE_SIZE,
} from '../../cluster/hashing-options.ts';
import { defaulted, optional, section } from '../field.ts';
import { choice, count } from '../values.ts';

const MAX_FACTOR = 10;
const FACTOR_WORDS = `a number above 1 and at most ${MAX_FACTOR}`;
/** One endpoint of the greatest weight then has a ring of its own. */
const MAX_POINTS = 10_000;

const ringSize = () => count(1, MAX_RING_SIZE, 'a number of points');

export const ringSection = section({
  sizing: defaulted(choice(['fixed', 'envoy']), DEFAULT_FIXED_RING.sizing, {
    scope: 'mesh',
    meaning:
      '`fixed`: a number of points per unit of weight, so that an endpoint that comes or goes moves only its own keys. `envoy`: as many as Envoy makes, with its keys (`address:port_0`, ...), so that both send a key to the same endpoint.',
  }),
  points: optional(count(1, MAX_POINTS, 'a number of points'), String(DEFAULT_FIXED_RING.points), {
    scope: 'mesh',
    meaning: `Points per unit of weight, with sizing \`fixed\`. ${DEFAULT_FIXED_RING.points} is ketama's number, with which shares are within about 8 % of fair.`,
  }),
  minSize: optional(ringSize(), String(DEFAULT_ENVOY_RING.minSize), {
    scope: 'mesh',
    meaning: "The least number of points, with sizing `envoy`. Envoy's default.",
  }),
  maxSize: optional(ringSize(), `${DEFAULT_FIXED_RING.maxSize} when fixed, ${DEFAULT_ENVOY_RING.maxSize} as Envoy's`, {
    scope: 'mesh',
    meaning:
      'The greatest number of points, each of which takes 12 bytes, and as many again while the ring is built. A fixed ring that would be larger is scaled down, and `/clusters` says so.',
  }),
});

export const maglevSection = section({
  tableSize: defaulted(tableSize(), DEFAULT_MAGLEV.tableSize, {
    scope: 'mesh',
    meaning: `Slots of the table, a prime up to ${MAX_TABLE_SIZE}. More are needed above a hundredth as many endpoints, and \`/clusters\` names the size then. Envoy's default.`,
  }),
});

export const boundedLoad = () =>
  optional(
    z.number({ error: FACTOR_WORDS }).gt(1, { error: FACTOR_WORDS }).max(MAX_FACTOR, { error: FACTOR_WORDS }),
    'no bound',
    {
      scope: 'mesh',
      meaning:
        'With ring_hash and maglev: an endpoint gets no request that would take it above this many times its share of what is in flight; the key goes elsewhere for that request. 1.25 to 2 is usual. Off, since keys then leave their endpoints under load.',
    },
  );

function tableSize() {
  return count(2, MAX_TABLE_SIZE, 'a prime').refine(isPrime, {
    error: ({ input }) => `a prime, such as ${primeFrom(Number(input))}, which is the next one`,
  });
}
