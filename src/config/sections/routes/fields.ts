import { z } from 'zod';
import { isSettable } from '../../../route/effects/settable.ts';
import { VARIABLES, variableFlaw } from '../../../route/effects/variables.ts';
import { defaulted, group, section } from '../../field.ts';
import { fieldText, listOf, mapOf } from './values.ts';

const MAX_FIELDS = 32;
const MAX_VALUES = 8;

const NAME_WORDS = 'the name of a header other than Host, those of framing, tracing and gRPC, and x-remora-*';

const fieldName = () =>
  z.string({ error: NAME_WORDS }).refine((name) => isSettable(name.toLowerCase()), { error: NAME_WORDS });

const VALUE_WORDS = `a value, in which %NAME% is a variable (${VARIABLES.join(', ')}, header(NAME)) and %% a percent sign`;

const value = () =>
  fieldText('a value').refine((text) => variableFlaw(text) === null, {
    error: ({ input }) => `${VALUE_WORDS}; ${variableFlaw(String(input)) ?? ''}`,
  });

function changesSection() {
  return section({
    set: defaulted(
      mapOf(fieldName(), value(), MAX_FIELDS, 'headers'),
      {},
      { scope: 'mesh', meaning: 'In place of whatever fields of the name there are. Values may have variables.' },
    ),
    add: defaulted(
      mapOf(fieldName(), listOf(value(), MAX_VALUES, 'a value'), MAX_FIELDS, 'headers'),
      {},
      { scope: 'mesh', meaning: 'Beside those there are: a value, or a list of values, of each.' },
    ),
    remove: defaulted(
      z.array(fieldName(), { error: 'a list of headers' }).max(MAX_FIELDS, { error: `at most ${MAX_FIELDS} headers` }),
      [],
      { scope: 'mesh', meaning: 'Taken away first.' },
    ),
  });
}

export function changes(meaning: string) {
  return group(changesSection(), meaning);
}

export type WrittenChanges = z.output<ReturnType<typeof changesSection>>;
