import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { good } from '../config/parse.ts';

const README = readFileSync(new URL('../../src/route/README.md', import.meta.url), 'utf8');
const KEYS = /^## Keys\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(README)![1]!;
const examples = [...KEYS.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) => text!);

it.each(examples)('shows a configuration that works:\n%s', (text) => {
  const { upstreams } = good(`service: { name: web, port: 8080 }\nconsul: {}\n${text}`);
  for (const { hash } of upstreams.values()) expect(hash).not.toBeNull();
});

const LEADS = /^## Where routes lead\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(README)![1]!;

it.each([...LEADS.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) => text!))(
  'shows routes that work:\n%s',
  (text) => {
    // What a reference stands for is on the reader's machine.
    const written = text.replace(/\$\{file:[^}]*\}/, 'a key of thirty-two letters or more');
    const { routes, overrides } = good(`service: { name: web, port: 8080 }\nconsul: {}\n${written}`);
    expect(routes.length > 0 || overrides !== null).toBe(true);
  },
);

it('has examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(4);
});
