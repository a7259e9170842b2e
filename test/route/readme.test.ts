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

it('has examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(4);
});
