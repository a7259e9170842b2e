import { describe, expect, it } from 'vitest';
import { compileRoutes } from '../../../src/route/table/compile.ts';
import type { PathMatch, RouteMatch, RouteOptions } from '../../../src/route/table/options.ts';
import { readyRegex } from '../../../src/route/table/regex.ts';
import type { RouteTable } from '../../../src/route/table/table.ts';
import { PEER, type RequestText, requestHead } from '../../support/exchange-script.ts';
import { match, route, valueMatch } from '../../support/routes.ts';

await readyRegex();

function tableOf(...routes: readonly RouteOptions[]): RouteTable<string> {
  const work = compileRoutes(routes, ({ name }) => name);
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}

/** The name of the route of a request, or null. */
function ask(table: RouteTable<string>, text: RequestText): string | null {
  return table.match(requestHead(text), PEER)?.value ?? null;
}

function byPath(name: string, ...paths: readonly (readonly [kind: PathMatch['kind'], value: string])[]): RouteOptions {
  return route({ name, matches: paths.map(([kind, value]) => match({ path: { kind, value } })) });
}

function byMatch(name: string, said: Partial<RouteMatch>): RouteOptions {
  return route({ name, matches: [match(said)] });
}

describe('hosts', () => {
  const table = tableOf(
    route({ name: 'any' }),
    route({ name: 'exact', hosts: ['orders', 'orders.shop.local', '[::1]'] }),
    route({ name: 'wide', hosts: ['*.local'] }),
    route({ name: 'narrow', hosts: ['*.Shop.local'] }),
  );

  it.each([
    ['orders', 'exact'],
    ['ORDERS', 'exact'],
    ['orders:8080', 'exact'],
    ['orders:', 'exact'],
    ['orders.shop.local', 'exact'],
    ['Orders.Shop.Local:80', 'exact'],
    ['[::1]', 'exact'],
    ['[::1]:80', 'exact'],
    ['order', 'any'],
    ['orders2', 'any'],
    ['2orders', 'any'],
    ['orders.orders', 'any'],
    ['a.shop.local', 'narrow'],
    ['a.b.shop.local:1', 'narrow'],
    ['A.SHOP.LOCAL', 'narrow'],
    ['shop.local', 'wide'],
    ['ashop.local', 'wide'],
    ['local', 'any'],
    ['.local', 'any'],
    ['', 'any'],
    [':80', 'any'],
    ['80', 'any'],
  ])('%j is led by the route %s', (authority, name) => {
    expect(ask(table, { authority })).toBe(name);
  });

  it('that have routes of their own fall to those of wider hosts where none of their own matches', () => {
    const fallen = tableOf(
      route({ name: 'own', hosts: ['a.shop.local'], matches: [match({ path: { kind: 'exact', value: '/own' } })] }),
      route({
        name: 'shop',
        hosts: ['*.shop.local'],
        matches: [match({ path: { kind: 'segments', value: '/shop' } })],
      }),
      route({ name: 'all', matches: [match({ path: { kind: 'exact', value: '/all' } })] }),
    );
    const authority = 'a.shop.local';
    expect(['/own', '/shop/1', '/all', '/none'].map((path) => ask(fallen, { authority, path }))).toEqual([
      'own',
      'shop',
      'all',
      null,
    ]);
  });

  it('that no route names have no route', () => {
    expect(ask(tableOf(route({ name: 'a', hosts: ['a'] })), { authority: 'b' })).toBeNull();
    expect(ask(tableOf(), { authority: 'b' })).toBeNull();
  });
});

describe('paths', () => {
  const table = tableOf(
    byPath('root', ['segments', '/']),
    byPath('exact', ['exact', '/users'], ['exact', '/users/42/orders']),
    byPath('prefix', ['prefix', '/use']),
    byPath('segments', ['segments', '/users'], ['segments', '/a/b/']),
    byPath('longer', ['prefix', '/users/4']),
    byPath('pattern', ['regex', '/[0-9]+']),
    byPath('fixed', ['regex', '/9[0-9]+']),
  );

  it.each([
    ['/users', 'exact'],
    ['/users?a=1', 'exact'],
    ['/users/', 'segments'],
    ['/users/1?/users/4', 'segments'],
    ['/users/42', 'longer'],
    ['/users/42/orders', 'exact'],
    ['/users/42/orders/', 'longer'],
    ['/users2', 'prefix'],
    ['/use', 'prefix'],
    ['/us', 'root'],
    ['/Users', 'root'],
    ['/a/b', 'segments'],
    ['/a/b/c', 'segments'],
    ['/a/bc', 'root'],
    ['/17', 'pattern'],
    ['/17?a', 'pattern'],
    ['/97', 'fixed'],
    ['/17a', 'root'],
    ['/', 'root'],
    ['/?x', 'root'],
    ['//', 'root'],
    ['/%55sers', 'root'],
  ])('%s is led by the route %s', (path, name) => {
    expect(ask(table, { path })).toBe(name);
  });

  it('of every path are none: `*` is not one of them', () => {
    expect(ask(table, { path: '*', method: 'OPTIONS' })).toBeNull();
    expect(ask(tableOf(route({ name: 'all' })), { path: '*', method: 'OPTIONS' })).toBe('all');
  });

  it('of the same length: whole segments come before a prefix', () => {
    const same = tableOf(byPath('a', ['prefix', '/x']), byPath('b', ['segments', '/x']));
    expect(['/x', '/x/1', '/xy'].map((path) => ask(same, { path }))).toEqual(['b', 'b', 'a']);
  });

  it('that are no latin1 match nothing that comes', () => {
    const odd = tableOf(byPath('a', ['exact', '/\u0141']), byPath('b', ['prefix', '/\u0141']));
    expect(ask(odd, { path: '/A' })).toBeNull();
  });
});

describe('of one path', () => {
  it.each<[string, Partial<RouteMatch>, RequestText, boolean]>([
    ['a method', { methods: ['GET', 'PUT'] }, { method: 'PUT' }, true],
    ['another method', { methods: ['GET'] }, { method: 'get' }, false],
    ['a field', { headers: [valueMatch('x-a')] }, { fields: { 'x-a': '' } }, true],
    ['no field', { headers: [valueMatch('x-a')] }, {}, false],
    ['a field that must not be', { headers: [valueMatch('x-a', { isInverted: true })] }, {}, true],
    ['and is', { headers: [valueMatch('x-a', { isInverted: true })] }, { fields: { 'x-a': '1' } }, false],
    ['a parameter', { query: [valueMatch('a')] }, { path: '/x?b=1&a' }, true],
    ['no parameter', { query: [valueMatch('a')] }, { path: '/a?b=a&aa=1' }, false],
    ['a cookie', { cookies: [valueMatch('sid')] }, { fields: { cookie: 'a=1; sid=2' } }, true],
    ['no cookie', { cookies: [valueMatch('sid')] }, { fields: { cookie: 'a=sid; sid2=1' } }, false],
    [
      'a cookie that is not so',
      { cookies: [valueMatch('sid', { match: { kind: 'exact', value: '3' }, isInverted: true })] },
      { fields: { cookie: 'sid=2' } },
      true,
    ],
  ])('%s', (_what, said, text, isMet) => {
    expect(ask(tableOf(byMatch('a', said)), text)).toBe(isMet ? 'a' : null);
  });

  const texts: [ValueMatch: Parameters<typeof valueMatch>[1], value: string, isMet: boolean][] = [
    [{ match: { kind: 'exact', value: 'blue' } }, 'blue', true],
    [{ match: { kind: 'exact', value: 'blue' } }, 'blues', false],
    [{ match: { kind: 'prefix', value: 'bl' } }, 'blue', true],
    [{ match: { kind: 'prefix', value: 'blue' } }, 'bl', false],
    [{ match: { kind: 'suffix', value: 'ue' } }, 'blue', true],
    [{ match: { kind: 'suffix', value: 'xblue' } }, 'blue', false],
    [{ match: { kind: 'contains', value: 'lu' } }, 'blue', true],
    [{ match: { kind: 'contains', value: 'ul' } }, 'blue', false],
    [{ match: { kind: 'regex', value: 'b.*e' } }, 'blue', true],
    [{ match: { kind: 'regex', value: 'lu' } }, 'blue', false],
  ];
  it.each(texts)('%j of %s: %s', (said, value, isMet) => {
    const name = isMet ? 'a' : null;
    const at = [valueMatch('c', said)];
    expect(ask(tableOf(byMatch('a', { headers: at })), { fields: { c: value } })).toBe(name);
    expect(ask(tableOf(byMatch('a', { query: at })), { path: `/?x=1&c=${value}&d=lu` })).toBe(name);
    expect(ask(tableOf(byMatch('a', { cookies: at })), { fields: { cookie: `x=1; c="${value}"; d=lu` } })).toBe(name);
  });

  it('who says a method comes first, then more fields, then more parameters and cookies, then the name', () => {
    const [x, y] = [valueMatch('x-a'), valueMatch('x-b')];
    const table = tableOf(
      byMatch('a0', {}),
      byMatch('b1', {}),
      byMatch('c-query', { query: [valueMatch('q')] }),
      byMatch('d-both', { query: [valueMatch('q')], cookies: [valueMatch('c')] }),
      byMatch('e-field', { headers: [x] }),
      byMatch('f-fields', { headers: [x, y] }),
      byMatch('g-method', { methods: ['PUT'] }),
    );
    const all = { path: '/?q', fields: { 'x-a': '1', 'x-b': '1', cookie: 'c=1' } };
    expect(ask(table, { ...all, method: 'PUT' })).toBe('g-method');
    expect(ask(table, all)).toBe('f-fields');
    expect(ask(table, { ...all, fields: { 'x-a': '1', cookie: 'c=1' } })).toBe('e-field');
    expect(ask(table, { ...all, fields: { cookie: 'c=1' } })).toBe('d-both');
    expect(ask(table, { ...all, fields: {} })).toBe('c-query');
    expect(ask(table, {})).toBe('a0');
  });
});

describe('calls', () => {
  const table = tableOf(
    byMatch('any', { grpc: { service: null, method: null } }),
    byMatch('get', { grpc: { service: null, method: 'Get' } }),
    byMatch('service', { grpc: { service: 'shop.Orders', method: null } }),
    byMatch('call', { grpc: { service: 'shop.Orders', method: 'Get' } }),
    byPath('path', ['segments', '/shop.Orders']),
  );
  const fields = { 'content-type': 'application/grpc+proto' };

  it.each([
    ['/shop.Orders/Get', 'call'],
    ['/shop.Orders/Put', 'service'],
    ['/shop.Users/Get', 'get'],
    ['/shop.Users/Put', 'any'],
    ['/shop.Orders', 'path'],
    ['/shop.Orders/Get/x', 'path'],
    ['/shop/x/Get', null],
  ])('%s are led by the route %s', (path, name) => {
    expect(ask(table, { method: 'POST', path, fields })).toBe(name);
  });

  it('are POSTs of their content type', () => {
    expect(ask(table, { method: 'GET', path: '/shop.Orders/Get', fields })).toBe('path');
    expect(ask(table, { method: 'POST', path: '/shop.Orders/Get' })).toBe('path');
  });
});

describe('a table', () => {
  it('says which match of a route led to it, by precedence', () => {
    const matches = [
      match({ path: { kind: 'segments', value: '/a' } }),
      match({ path: { kind: 'prefix', value: '/a/b' } }),
      match({ path: { kind: 'exact', value: '/a/b/c' }, methods: ['GET'] }),
    ];
    const table = tableOf(route({ name: 'a', matches }), route({ name: 'z', hosts: ['z'] }));
    const ofPath = (path: string, method = 'GET'): RouteMatch | null => {
      const head = requestHead({ path, method });
      return table.matchOf(table.match(head, PEER)!, head);
    };
    expect(ofPath('/a/x')).toBe(matches[0]);
    expect(ofPath('/a/bx')).toBe(matches[1]);
    expect(ofPath('/a/b/c')).toBe(matches[2]);
    expect(ofPath('/a/b/c', 'PUT')).toBe(matches[1]);
    const head = requestHead({ authority: 'z', path: '/z' });
    expect(table.matchOf(table.match(head, PEER)!, head)).toBeNull();
  });

  it('keeps one value for each route, whatever its hosts and matches', () => {
    const asked: string[] = [];
    const matches = [match({ path: { kind: 'exact', value: '/a' } }), match({ path: { kind: 'exact', value: '/b' } })];
    const work = compileRoutes([route({ name: 'a', hosts: ['x', 'y'], matches })], ({ name }) => asked.push(name));
    let step = work.next();
    while (!step.done) step = work.next();
    const [one, two] = ['x', 'y'].map((authority) => step.value!.match(requestHead({ authority, path: '/b' }), PEER));
    expect(one).toBe(two);
    expect(asked).toEqual(['a']);
    expect(step.value!.size).toBe(1);
  });
});
