import { z } from 'zod';
import { defaulted, optional, required, section } from '../field.ts';
import { duration } from '../values.ts';

const LEAST_KEY = 32;
const KEY_WORDS = `a text of at least ${LEAST_KEY} characters`;
const HEADER_WORDS = 'the name of a header';

/** Tests of one build in an environment that others share. */
export const overridesSection = optional(
  section({
    key: required(z.string({ error: KEY_WORDS }).min(LEAST_KEY, { error: KEY_WORDS }), {
      scope: 'local',
      isSecret: true,
      meaning:
        'What overrides are signed with, as a reference to a file. Whoever has it can send requests to any upstream and subset that is declared here.',
    }),
    header: defaulted(
      z
        .string({ error: HEADER_WORDS })
        .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, { error: HEADER_WORDS })
        .transform((name) => name.toLowerCase()),
      'x-remora-route',
      {
        scope: 'local',
        meaning: 'The header that overrides come in. Applications pass it on with the requests that follow from one.',
      },
    ),
    maxAge: defaulted(duration({ least: 1_000 }), '24h', {
      scope: 'local',
      meaning: 'One that ends later than this is refused: a day is enough to try a build, and one that leaks ends.',
    }),
  }),
  'the header is one like any other',
  {
    scope: null,
    meaning:
      'Requests that say, signed, which upstream or subset they are for, so that one build can be tried in an environment that others share.',
  },
);
