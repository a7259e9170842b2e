import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Document, readDocument } from '../../src/config/document.ts';
import { readJson } from '../../src/config/json-text.ts';
import type { Path } from '../../src/config/paths.ts';

const BOUNDS = { depth: 32, nodes: 100_000 };

function document(text: string): Document {
  const read = readDocument(text, 'k');
  if (Array.isArray(read)) throw new Error(JSON.stringify(read));
  return read;
}

function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...entries.flatMap(([key, inner]) => pathsIn(inner, [...path, key]))];
}

it('means by JSON, and finds in it, what the parser of YAML does', () => {
  const json = fc.dictionary(fc.string({ maxLength: 6 }), fc.jsonValue({ maxDepth: 4 }));
  const spacing = fc.constantFrom(undefined, 2, '\t');
  const above = fc.constantFrom('', '# remora sha256=00\n', '\n \n# a\n#b\n');
  fc.assert(
    fc.property(json, spacing, above, (value, indent, comment) => {
      const text = comment + JSON.stringify(value, null, indent);
      const fast = readJson(text, BOUNDS);
      fc.pre(fast !== null);
      // A tag that means nothing leaves the rest to the parser of YAML.
      const slow = document(`${comment}!!map ${text.slice(comment.length)}`);
      const quick = document(text);
      const shift = '!!map '.length;
      expect(quick.value).toEqual(slow.value);
      for (const path of pathsIn(value)) {
        for (const at of ['key', 'value'] as const) {
          const [a, b] = [quick.place(path, at), slow.place(path, at)];
          const firstLine = comment.split('\n').length;
          expect(a).toEqual(b === null ? null : { ...b, column: b.column! - (b.line === firstLine ? shift : 0) });
        }
      }
      expect(quick.place(['no such key'], 'key')).toBeNull();
    }),
    { numRuns: 300 },
  );
});

it('leaves what is odd, or no JSON, to the parser of YAML', () => {
  const deep = `{"a":${'['.repeat(40)}${']'.repeat(40)}}`;
  for (const text of ['', '[]', '{a: 1}', '{"a":1,"a":2}', '{"__proto__":1}', '{"a":1', deep, '# {}\n', '{"a":1} {}'])
    expect(readJson(text, BOUNDS)).toBeNull();
  expect(readJson('{"a":[1,2,3]}', { depth: 32, nodes: 4 })).toBeNull();
});

it('walks over a long nesting without an end of its own', () => {
  const text = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
  expect(readJson(text, BOUNDS)).toBeNull();
});
