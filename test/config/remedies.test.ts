import { expect, it } from 'vitest';
import { FAILURES } from '../../src/base/failure.ts';
import { keyTable } from '../../src/config/key-table.ts';

/** Every key there is, those of an upstream or a route by what follows its name, too. */
const KEYS = new Set(
  [...keyTable().matchAll(/^\| `([^`]+)`/gm)].flatMap(([, key]) => [
    key!,
    key!.replace(/^upstreams\.<name>\./, ''),
    key!.replace(/^inbound\./, ''),
    key!.replace(/^routes\.<name>\./, ''),
  ]),
);
/** Commands, and values of keys that the sentence has named. */
const OTHERS = /^(remora status|\/clusters|mode|tcp|grpc|http2?|until)$/;

it.each(Object.entries(FAILURES))('%s has a remedy that names only keys there are', (_code, { meaning, remedy }) => {
  expect(meaning).toMatch(/^[A-Z].*\.$/);
  expect(remedy).toMatch(/^[A-Z`].*\.$/);
  const named = [...remedy.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
  // `protocol: http` is a key with its value.
  const keys = named.map((text) => text.replace(/: [a-z0-9]+$/, ''));
  expect(keys.filter((text) => !KEYS.has(text) && !OTHERS.test(text))).toEqual([]);
});
