import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { HASHING_NAMES } from '../../src/cluster/hashing-options.ts';
import { good, web } from '../config/parse.ts';

it('shows an example of every balancer that hashes, which a file may contain as it is', () => {
  const readme = readFileSync(new URL('../../src/cluster/README.md', import.meta.url), 'utf8');
  const section = readme.split('\n## ').find((part) => part.startsWith('Hashing\n'));
  const example = section!.split('```yaml\n')[1]!.split('```')[0]!;
  const { upstreams } = good(web(`consul: {}\n${example}`));
  const shown = new Set([...upstreams.values()].map(({ balancer }) => balancer.name));
  expect([...shown].sort()).toEqual([...HASHING_NAMES].sort());
});
