import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { routeWarnings } from '../../src/config/route-warnings.ts';
import { good } from '../config/parse.ts';

const README = readFileSync(new URL('../../src/route/README.md', import.meta.url), 'utf8');
const SECTION = /^## Routes: the file\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(README)![1]!;
const examples = [...SECTION.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) => text!);

it.each(examples)('shows routes that work, and of which nothing is to be said:\n%s', (text) => {
  const config = good(`service: { name: web, port: 8080 }\nconsul: {}\n${text}`);
  const count = [...config.upstreams.values()].reduce((sum, { routes }) => sum + routes.length, config.routes.length);
  expect(count).toBeGreaterThan(0);
  expect(routeWarnings(config)).toEqual([]);
});

it('has examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(4);
});
