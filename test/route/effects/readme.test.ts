import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rewriteOf } from '../../../src/route/effects/path-rewrite.ts';
import { isFieldName } from '../../../src/route/effects/settable.ts';
import { VARIABLES, variableFlaw } from '../../../src/route/effects/variables.ts';
import { good } from '../../config/parse.ts';
import { matchOf } from '../../support/route.ts';

const README = readFileSync(new URL('../../../src/route/README.md', import.meta.url), 'utf8');
const SECTION = /^## What a route does\n([\s\S]*?)(?=^## )/m.exec(README)![1]!;
const examples = [...SECTION.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) => text!);
const rows = [...SECTION.matchAll(/^\| `(\/\S*)` \| (.*?) \| `(\S+)` \| `(\S+)` \|$/gm)];

it.each(examples)('shows routes that work:\n%s', (text) => {
  const more = 'outbound: { port: 4000 }\nupstreams: { orders: {}, orders-next: {} }';
  const { routes } = good(`service: { name: web, port: 8080 }\nconsul: {}\n${more}\n${text}`);
  expect(routes.length).toBeGreaterThan(0);
});

it.each(rows.map(([, path, match, prefix, becomes]) => [path!, match!, prefix!, becomes!] as const))(
  'tells what becomes of %s, %s, with the prefix %s',
  (path, match, prefix, becomes) => {
    const [, kind, value] = /^`(segments|prefix): (\S+)`$/.exec(match) ?? [];
    const matches = kind === undefined ? [] : [matchOf({ kind: kind as 'segments' | 'prefix', value: value! })];
    const rewrite = rewriteOf({ path: null, prefix, regex: null }, matches, () => ({ find: () => null }))!;
    expect(rewrite.of(path)).toBe(becomes);
  },
);

it('has examples, and names every variable', () => {
  expect([examples.length, rows.length]).toEqual([4, 6]);
  for (const name of VARIABLES) expect(SECTION).toContain(`\`%${name}%\``);
  expect([isFieldName('x-user'), variableFlaw('%header(x-user)%')]).toEqual([true, null]);
});
