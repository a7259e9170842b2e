import { expect, it } from 'vitest';
import { compileRoutes } from '../../../src/route/table/compile.ts';
import type { RouteTable } from '../../../src/route/table/table.ts';
import { good, web } from '../../config/parse.ts';
import { PEER, requestHead } from '../../support/exchange-script.ts';

function tableOf(lines: string): RouteTable<string> {
  const { routes } = good(web(`consul: {}\noutbound: { port: 9000 }\nroutes:\n${lines}`));
  const work = compileRoutes(routes, ({ name }) => name);
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}

const ask = (table: RouteTable<string>, path: string, authority = 'shop') =>
  table.match(requestHead({ path, authority }), PEER)?.value ?? null;

it('asks routes of a lower order first, however exact the others are', () => {
  const table = tableOf(`
  exact: { hosts: shop, match: { path: { exact: /a } }, to: shop }
  any: { hosts: shop, to: shop }
  second: { hosts: shop, order: -2, match: { path: { prefix: / } }, to: shop }
  first: { hosts: shop, order: -3, match: { path: { regex: "/b|/c" } }, to: shop }
  wide: { order: -9, match: { path: { exact: /a } }, to: shop }
`);
  expect(ask(table, '/a')).toBe('second');
  expect(ask(table, '/b')).toBe('first');
  expect(ask(table, '/a', 'other')).toBe('wide');
});

it('has the others when none of them matches', () => {
  const table = tableOf(`
  exact: { match: { path: { exact: /a } }, to: shop }
  ordered: { order: -7, match: { path: { exact: /b }, methods: POST }, to: shop }
`);
  expect(ask(table, '/a')).toBe('exact');
  expect(ask(table, '/b')).toBe(null);
});

it('lets the precedence decide between two of the same order', () => {
  const table = tableOf(`
  a: { order: 1, to: shop }
  b: { order: 1, match: { path: { exact: /x } }, to: shop }
`);
  expect(ask(table, '/x')).toBe('b');
  expect(ask(table, '/y')).toBe('a');
});

it('asks none whose path cannot match, however many have an order', () => {
  const routes = Array.from({ length: 300 }, (_, i) => {
    return `  r${i}: { order: ${300 - i}, match: { path: { exact: /p${i} }, headers: { x-a: { present: true } } }, to: shop }`;
  });
  const table = tableOf(`${routes.join('\n')}\n  rest: { order: 301, to: shop }\n`);
  let looks = 0;
  const head = requestHead({ path: '/p7', fields: { 'x-a': 'yes' } });
  const counting = Object.create(head, {
    path: {
      get() {
        looks += 1;
        return head.path;
      },
    },
  });
  expect(table.match(counting, PEER)?.value).toBe('r7');
  expect(looks).toBeLessThan(10);
});

it('asks those of a higher order last, one after another', () => {
  const table = tableOf(`
  a: { order: 2, match: { path: { exact: /a } }, to: shop }
  b: { order: 1, match: { path: { prefix: / }, methods: GET }, to: shop }
  c: { match: { path: { exact: /c } }, to: shop }
`);
  expect(ask(table, '/a')).toBe('b');
  expect(ask(table, '/c')).toBe('c');
});
