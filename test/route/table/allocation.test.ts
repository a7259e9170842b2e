import { expect, it } from 'vitest';
import type { RequestHead } from '../../../src/http/head.ts';
import { compileRoutes } from '../../../src/route/table/compile.ts';
import type { RouteMatch, RouteOptions } from '../../../src/route/table/options.ts';
import type { RouteTable } from '../../../src/route/table/table.ts';
import { allocatedPer } from '../../support/allocated.ts';
import { PEER, requestHead } from '../../support/exchange-script.ts';
import { match, route, valueMatch } from '../../support/routes.ts';

/** The smallest thing on the heap takes 12 bytes. */
const NOTHING = 1;
const ROUTES = 500;

const MATCHES: readonly (readonly [what: string, (i: number) => Partial<RouteMatch>])[] = [
  ['exact paths', (i) => ({ path: { kind: 'exact', value: `/users/${i}/orders` } })],
  ['prefixes', (i) => ({ path: { kind: 'prefix', value: `/users/${i}/` } })],
  ['whole segments', (i) => ({ path: { kind: 'segments', value: `/users/${i}` } })],
  ['hosts alone', () => ({})],
  ['methods', (i) => ({ path: { kind: 'segments', value: `/users/${i}` }, methods: ['PUT', 'GET'] })],
  ['parameters', () => ({ query: [valueMatch('b', { match: { kind: 'contains', value: '2' } })] })],
  ['fields', () => ({ headers: [valueMatch('x-a', { match: { kind: 'suffix', value: 'n' } })] })],
];

function tableOf(routes: readonly RouteOptions[]): RouteTable<string> {
  const work = compileRoutes(routes, ({ name }) => name);
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}

it.each(MATCHES)('a request allocates nothing to be led by %s, with an order and without', (_what, said) => {
  const table = tableOf(
    Array.from({ length: ROUTES }, (_, i) =>
      route({ name: `r${i}`, hosts: [`h${i}.shop.local`], matches: [match(said(i))], order: (i & 1) * i }),
    ),
  );
  // Slices, as connections make them; what is read of a head is its connection's business.
  const heads: RequestHead[] = Array.from({ length: 256 }, (_, i) => {
    const text = `GET /users/${i}/orders?a=1&b=12 HTTP/1.1 Host: H${i}.shop.local:8080\r\n`;
    const [, path, , , authority] = text.trimEnd().split(' ');
    return Object.assign(requestHead({ path: path!, authority: authority! }), { get: () => 'ann' });
  });
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) {
      const head = heads[i & 255]!;
      const found = table.match(head, PEER);
      if (found === null || table.matchOf(found, head) === null) throw new Error('not led');
    }
  };
  expect(allocatedPer(run)).toBeLessThan(NOTHING);
});
