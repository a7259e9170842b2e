import { isGrpc } from '../../http/grpc.ts';
import type { RequestHead } from '../../http/head.ts';
import type { PathMatch, RouteMatch, RouteOptions } from './options.ts';
import { ANY_PATH, type PathTest, pathTest, segmentsKey } from './path-test.ts';
import { fixedBeginning } from './regex.ts';
import type { Found } from './table.ts';
import { CookieTest, HeaderTest, QueryTest, type RegexMaker, type ValueTest } from './value-test.ts';

const EVERYTHING: RouteMatch = { path: null, methods: [], headers: [], query: [], cookies: [], grpc: null };

/** One route, and all that lead to it in the order of their precedence. */
export class Leading<T> implements Found<T> {
  readonly candidates: readonly Candidate<T>[];

  constructor(
    readonly options: RouteOptions,
    readonly value: T,
    regexOf: RegexMaker,
  ) {
    const matches = options.matches.length === 0 ? [null] : options.matches;
    this.candidates = matches
      .map((match) => new Candidate(this, match, regexOf))
      .sort((a, b) => pathPrecedence(a, b) || precedence(a, b));
  }
}

/** One match of one route. */
export class Candidate<T> {
  readonly match: RouteMatch | null;
  readonly order: number;
  /** Where it stands in a table; null: it says nothing of the path, or what every path is. */
  readonly place: PathMatch | null;
  private readonly path: PathTest;
  private readonly methods: readonly string[];
  private readonly grpc: RouteMatch['grpc'];
  private readonly values: readonly ValueTest[];
  /** Nothing but a path is asked for. */
  private readonly isPlain: boolean;

  constructor(
    readonly route: Leading<T>,
    match: RouteMatch | null,
    regexOf: RegexMaker,
  ) {
    const { path, methods, headers, query, cookies, grpc } = match ?? EVERYTHING;
    this.match = match;
    this.order = route.options.order;
    this.place = placeOf(match ?? EVERYTHING);
    this.path = path === null ? ANY_PATH : pathTest(path, regexOf);
    this.methods = methods;
    this.grpc = grpc;
    this.values = [
      ...headers.map((options) => new HeaderTest(options, regexOf)),
      ...query.map((options) => new QueryTest(options, regexOf)),
      ...cookies.map((options) => new CookieTest(options, regexOf)),
    ];
    this.isPlain = methods.length === 0 && grpc === null && this.values.length === 0;
  }

  /** All but the path, whose `end` is where a query begins. */
  holds(head: RequestHead, end: number): boolean {
    if (this.isPlain) return true;
    const { methods, grpc, values } = this;
    if (methods.length > 0 && !methods.includes(head.method)) return false;
    if (grpc !== null && !isCall(head, end, grpc)) return false;
    for (let i = 0; i < values.length; i++) if (!values[i]!.holds(head)) return false;
    return true;
  }

  holdsAll(head: RequestHead, end: number): boolean {
    return this.path.holds(head.path, end) && this.holds(head, end);
  }
}

function isCall(head: RequestHead, end: number, { service, method }: NonNullable<RouteMatch['grpc']>): boolean {
  const { path } = head;
  const slash = path.lastIndexOf('/', end - 1);
  if (slash <= 1 || path.indexOf('/', 1) !== slash) return false;
  if (service !== null && !(slash === service.length + 1 && path.startsWith(service, 1))) return false;
  if (method !== null && !(end - slash - 1 === method.length && path.startsWith(method, slash + 1))) return false;
  return head.method === 'POST' && isGrpc(head.get('content-type'));
}

/** A call has a path too. */
function placeOf({ path, grpc }: RouteMatch): PathMatch | null {
  if (path === null) return grpc === null || grpc.service === null ? null : placeOfCall(grpc.service, grpc.method);
  if (path.kind === 'segments')
    return segmentsKey(path.value) === '' ? null : { ...path, value: segmentsKey(path.value) };
  return path.kind === 'prefix' && (path.value === '/' || path.value === '') ? null : path;
}

function placeOfCall(service: string, method: string | null): PathMatch {
  if (method === null) return { kind: 'prefix', value: `/${service}/` };
  return { kind: 'exact', value: `/${service}/${method}` };
}

/** Of candidates of one host and path: the lower order, and of equals the precedence decides. */
export function inOrder(a: Candidate<unknown>, b: Candidate<unknown>): number {
  return a.order - b.order || precedence(a, b);
}

/** An exact path, then the longer beginning (of equal ones, whole segments), then a pattern, then none. */
function pathPrecedence({ place: a }: Candidate<unknown>, { place: b }: Candidate<unknown>): number {
  return (
    rankOf(a) - rankOf(b) ||
    lengthOf(b) - lengthOf(a) ||
    Number(b?.kind === 'segments') - Number(a?.kind === 'segments')
  );
}

function rankOf(place: PathMatch | null): number {
  if (place === null) return 3;
  return place.kind === 'exact' ? 0 : place.kind === 'regex' ? 2 : 1;
}

function lengthOf(place: PathMatch | null): number {
  if (place === null) return 0;
  return place.kind === 'regex' ? fixedBeginning(place.value).length : place.value.length;
}

/** Of candidates with one host and path: who says a method, then who says more fields, then more parameters. */
function precedence(a: Candidate<unknown>, b: Candidate<unknown>): number {
  const [left, right] = [a.match ?? EVERYTHING, b.match ?? EVERYTHING];
  return (
    saysMethod(right) - saysMethod(left) ||
    right.headers.length - left.headers.length ||
    right.query.length + right.cookies.length - left.query.length - left.cookies.length ||
    byName(a.route.options.name, b.route.options.name)
  );
}

/** 2: one, of HTTP or of gRPC; 1: calls of gRPC, whatever their method. */
function saysMethod({ methods, grpc }: RouteMatch): number {
  if (methods.length > 0) return 2;
  return grpc === null ? 0 : grpc.method === null ? 1 : 2;
}

function byName(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
