import { z } from 'zod';
import { DEFAULT_HEDGE } from '../../policy/hedge.ts';
import { defaulted, optional, section } from '../field.ts';
import { formatDuration } from '../units.ts';
import { choice, decimal, duration } from '../values.ts';

/** All that exist here; which of them may be done twice is a rule (`hedge-rules.ts`), so that it can say why not. */
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'POST', 'PATCH'] as const;

export const hedgeSection = section({
  delay: optional(duration(), 'the percentile of what was seen', {
    scope: 'mesh',
    meaning: 'How long the first attempt is alone, instead of a percentile.',
  }),
  percentile: optional(decimal(0.5, 0.999), String(DEFAULT_HEDGE.percentile), {
    scope: 'mesh',
    meaning:
      'It is alone for as long as this share of answers take to begin, of the last 10 to 20 s and once 100 have been seen. The slowest twentieth: if slowness strikes endpoints independently, one in four hundred is slow at both.',
  }),
  minDelay: defaulted(duration(), formatDuration(DEFAULT_HEDGE.minDelayMs), {
    scope: 'mesh',
    meaning: 'It is alone at least this long, whatever the percentile says. Timers go by 10 ms.',
  }),
  maxExtraLoad: defaulted(decimal(0.001, 0.5), DEFAULT_HEDGE.maxExtraLoad, {
    scope: 'mesh',
    meaning:
      'Hedges as a share of requests, of any 10 s. Each also costs the budget of retries one, so that both together add no more than retries alone may.',
  }),
  methods: defaulted(
    z.array(choice(METHODS), { error: 'a list of methods' }).min(1, { error: 'at least one method' }),
    [...DEFAULT_HEDGE.methods] as (typeof METHODS)[number][],
    {
      scope: 'mesh',
      meaning:
        'Which requests, of those that may be repeated; PUT and DELETE may be added. gRPC calls are hedged where `retry.grpcIdempotent` is said. What is cancelled may have been done all the same, so safe methods alone.',
    },
  ),
});
