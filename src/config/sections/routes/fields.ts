import { z } from 'zod';
import { defaulted, group, section } from '../../field.ts';
import { fieldText, listOf, mapOf } from './values.ts';

const MAX_FIELDS = 32;
const MAX_VALUES = 8;

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
/** Framing is the program's own business, Host has `rewrite.host`, and what `x-remora-` fields say is believed. */
const OURS =
  /^(?:connection|content-length|transfer-encoding|trailer|te|upgrade|keep-alive|proxy-connection|host|x-remora-.*)$/i;
const NAME_WORDS = 'the name of a header other than those of framing, Host and x-remora-*';

const fieldName = () =>
  z
    .string({ error: NAME_WORDS })
    .regex(TOKEN, { error: NAME_WORDS })
    .refine((name) => !OURS.test(name), { error: NAME_WORDS });

const value = () => fieldText('a value');

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
