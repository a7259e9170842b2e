import fc from 'fast-check';
import { it } from 'vitest';
import type { RequestHead } from '../../../src/http/head.ts';
import { compileRoutes } from '../../../src/route/table/compile.ts';
import type { PathMatch, RouteMatch, RouteOptions, TextMatch, ValueMatch } from '../../../src/route/table/options.ts';
import { fixedBeginning, readyRegex } from '../../../src/route/table/regex.ts';
import type { RouteTable } from '../../../src/route/table/table.ts';
import { PEER, type RequestText, requestHead } from '../../support/exchange-script.ts';
import { match, route } from '../../support/routes.ts';

await readyRegex();

/**
 * The law as it is written down, asked of every route in turn: all pairs of a host and a match are put in order, and the
 * first that matches has the request. Nothing of the table is used but its reading of a pattern's fixed beginning.
 */
class PlainTable {
  private readonly rows: readonly Row[];

  constructor(routes: readonly RouteOptions[]) {
    const rows = routes.flatMap((options) =>
      (options.hosts.length === 0 ? ['*'] : options.hosts).flatMap((host) =>
        (options.matches.length === 0 ? [match({})] : options.matches).map((said) => rowOf(options, host, said)),
      ),
    );
    this.rows = rows.sort((a, b) => comparing(a, b));
  }

  match(head: RequestHead): string | null {
    return this.rows.find((row) => isOfHost(row.host, head.authority) && isMet(row.match, head))?.name ?? null;
  }
}

interface Row {
  readonly name: string;
  readonly host: string;
  readonly match: RouteMatch;
  readonly rank: readonly number[];
}

function rowOf({ name, order }: RouteOptions, host: string, said: RouteMatch): Row {
  const { methods, headers, query, cookies, grpc } = said;
  const ofHost = host === '*' ? [0, 0] : host.startsWith('*') ? [1, host.length] : [2, 0];
  const methodRank = methods.length > 0 || (grpc !== null && grpc.method !== null) ? 2 : grpc === null ? 0 : 1;
  const rank = [...ofHost, -order, ...rankOfPath(said), methodRank, headers.length, query.length + cookies.length];
  return { name, host, match: said, rank };
}

function rankOfPath({ path, grpc }: RouteMatch): readonly number[] {
  if (path === null && grpc !== null && grpc.service !== null) {
    return grpc.method === null ? [2, grpc.service.length + 2, 0] : [3, 0, 0];
  }
  if (path === null || path.value === '/') return path !== null && path.kind === 'exact' ? [3, 0, 0] : [0, 0, 0];
  if (path.kind === 'exact') return [3, 0, 0];
  if (path.kind === 'regex') return [1, fixedBeginning(path.value).length, 0];
  return path.kind === 'segments' ? [2, path.value.replace(/\/$/, '').length, 1] : [2, path.value.length, 0];
}

function comparing(a: Row, b: Row): number {
  for (let i = 0; i < a.rank.length; i++) if (a.rank[i] !== b.rank[i]) return b.rank[i]! - a.rank[i]!;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function isOfHost(host: string, authority: string): boolean {
  const asked = authority.replace(/:\d*$/, '').toLowerCase();
  return (
    host === '*' ||
    (host.startsWith('*') ? asked.endsWith(host.slice(1)) && asked.length >= host.length : asked === host)
  );
}

function isMet(said: RouteMatch, head: RequestHead): boolean {
  const path = head.path.split('?')[0]!;
  const query = new Map(
    head.path
      .slice(path.length + 1)
      .split('&')
      .filter((part) => part !== '')
      .reverse()
      .map((part) => [part.split('=')[0]!, part.slice(part.split('=')[0]!.length + 1)] as const),
  );
  const cookies = new Map(
    (head.get('cookie') ?? '').split('; ').map((part) => [part.split('=')[0]!, part.split('=')[1] ?? ''] as const),
  );
  return (
    (said.path === null || isPath(said.path, path)) &&
    (said.methods.length === 0 || said.methods.includes(head.method)) &&
    (said.grpc === null || isCall(said.grpc, head, path)) &&
    said.headers.every((value) => isValue(value, head.get(value.name))) &&
    said.query.every((value) => isValue(value, query.get(value.name) ?? null)) &&
    said.cookies.every((value) => isValue(value, cookies.get(value.name) ?? null))
  );
}

function isPath({ kind, value }: PathMatch, path: string): boolean {
  switch (kind) {
    case 'exact':
      return path === value;
    case 'prefix':
      return path.startsWith(value);
    case 'segments':
      return `${path}/`.startsWith(value.endsWith('/') ? value : `${value}/`);
    case 'regex':
      return new RegExp(`^(?:${value})$`).test(path);
  }
}

function isCall(grpc: NonNullable<RouteMatch['grpc']>, head: RequestHead, path: string): boolean {
  const parts = path.split('/');
  return (
    head.method === 'POST' &&
    head.get('content-type') === 'application/grpc' &&
    parts.length === 3 &&
    parts[1] !== '' &&
    (grpc.service ?? parts[1]) === parts[1] &&
    (grpc.method ?? parts[2]) === parts[2]
  );
}

function isValue({ match: said, isInverted }: ValueMatch, value: string | null): boolean {
  return (value !== null && isText(said, value)) !== isInverted;
}

function isText(said: TextMatch, text: string): boolean {
  switch (said.kind) {
    case 'present':
      return true;
    case 'exact':
      return text === said.value;
    case 'prefix':
      return text.startsWith(said.value);
    case 'suffix':
      return text.endsWith(said.value);
    case 'contains':
      return text.includes(said.value);
    case 'regex':
      return new RegExp(`^(?:${said.value})$`).test(text);
  }
}

// Few letters, so that much of what is drawn meets.
const HOSTS = ['a', 'b.a', 'a.b.a', '*', '*.a', '*.b.a', 'ba', '*.ba'];
const AUTHORITIES = ['a', 'b.a', 'a.b.a', 'b.b.a', 'ba', 'c.ba', 'A', 'B.A:80', 'x', ''];
const segment = fc.constantFrom('a', 'b', 'ab', 'abc', '1', '');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const patterns = fc.constantFrom('/a/[a-c]+', '/[ab]/.*', '/ab?c?', '/a|/b', '/(a|1)', '.*', '/a/b/a?', '/ab+');
const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record({ kind: fc.constantFrom('exact', 'prefix', 'segments'), value: path }),
  fc.record({ kind: fc.constant('regex'), value: patterns }),
);
const text = fc.constantFrom('', 'a', 'b', 'ab');
const textMatch: fc.Arbitrary<TextMatch> = fc.oneof(
  fc.record({ kind: fc.constantFrom('exact', 'prefix', 'suffix', 'contains'), value: text }),
  fc.constantFrom<TextMatch>({ kind: 'present' }, { kind: 'regex', value: '[ab]b?' }),
);
const valueMatches = (...names: string[]): fc.Arbitrary<readonly ValueMatch[]> =>
  fc.array(fc.record({ name: fc.constantFrom(...names), match: textMatch, isInverted: fc.boolean() }), {
    maxLength: 2,
  });
const grpc = fc.record({ service: fc.constantFrom(null, 'a', 'ab'), method: fc.constantFrom(null, 'a', 'b') });
const none = fc.constant([]);
const matches = fc.record<RouteMatch>({
  path: fc.option(pathMatch),
  methods: fc.oneof(none, fc.subarray(['GET', 'POST'])),
  headers: fc.oneof(none, valueMatches('x-a', 'x-b')),
  query: fc.oneof(none, valueMatches('a', 'b')),
  cookies: fc.oneof(none, valueMatches('a', 'c')),
  grpc: fc.option(grpc, { freq: 2 }).map((found) => found),
});
const routes = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }),
    hosts: fc.uniqueArray(fc.constantFrom(...HOSTS), { maxLength: 2 }),
    matches: fc.array(matches, { maxLength: 3 }),
    order: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 2 })),
  }),
  { selector: ({ name }) => name, maxLength: 12 },
);
const pairs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'aa'), text), { maxLength: 3 });
const requests = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    authority: fc.constantFrom(...AUTHORITIES),
    path,
    query: fc.option(pairs),
    cookies: pairs,
    fields: fc.dictionary(fc.constantFrom('x-a', 'x-b'), text),
    isCall: fc.boolean(),
  })
  .map(({ query, cookies, fields, isCall: isOne, ...rest }): RequestText => {
    // An empty cookie is none, and of two the first counts.
    const unique = new Map(cookies.filter(([, value]) => value !== '').reverse());
    const cookie = [...unique].map(([name, value]) => `${name}=${value}`).join('; ');
    return {
      ...rest,
      path: rest.path + (query === null ? '' : `?${query.map(([name, value]) => `${name}=${value}`).join('&')}`),
      fields: { ...fields, ...(isOne && { 'content-type': 'application/grpc' }), ...(cookie !== '' && { cookie }) },
    };
  });

it('the first of all that match has the request, as the law is written', () => {
  fc.assert(
    fc.property(routes, fc.array(requests, { minLength: 1, maxLength: 20 }), (said, asked) => {
      const all = said.map((part) => route(part));
      const table = finished(compileRoutes(all, ({ name }) => name));
      const plain = new PlainTable(all);
      for (const text of asked) {
        const head = requestHead(text);
        const found = table.match(head, PEER);
        if ((found?.value ?? null) !== plain.match(head)) {
          throw new Error(`${JSON.stringify(text)}: ${found?.value}, and not ${plain.match(head)}`);
        }
        if (found !== null) {
          const led = table.matchOf(found, head);
          if (led !== null && !isMet(led, head)) throw new Error(`${JSON.stringify(text)}: another match`);
        }
      }
    }),
    { numRuns: 3000 },
  );
});

function finished(work: Generator<void, RouteTable<string>>): RouteTable<string> {
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}
