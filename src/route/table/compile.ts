import type { RequestHead } from '../../http/head.ts';
import { endOfPath } from '../keys/target.ts';
import { Leading } from './candidate.ts';
import { HostRoutes, type PathRoutes, type PathTrie } from './host-routes.ts';
import type { RouteMatch, RouteOptions } from './options.ts';
import { compileRegex, type Regex } from './regex.ts';
import type { Found, RouteTable } from './table.ts';
import { AS_SMALL, Draft, Trie, type TrieEntry } from './trie.ts';

const COLON = 58;
const ZERO = 48;
const NINE = 57;
const ANY_HOST: readonly string[] = ['*'];

/**
 * Routes as a table. The law: of all routes that match a request, the first by precedence has it, and precedence is
 *
 *  1. the host: an exact one, then the longest `*.` that it ends with, then any;
 *  2. the path: an exact one, then the longest prefix or whole segments (of the same length, segments), then a pattern
 *     (the longer its fixed beginning), then none; what begins with `/` is none, since every path does;
 *  3. a method, of HTTP or gRPC, then any call of gRPC, then neither (service and method of a call are its path);
 *  4. the number of fields that are asked for, then of parameters and cookies together;
 *  5. the name.
 *
 * Within a host, the `order` of routes comes before all of that. A host with one that is not 0 is looked through to the
 * end of the path, and no further: whoever cannot match is not asked there either.
 *
 * That is the order of the Gateway API. It is one order over all routes: where none of the more exact host matches, one
 * of a wider host has the request, so that a route for all hosts need not be written again for the one that has its own.
 *
 * Hosts are read backwards along one trie, paths forwards along another; both know of each key which shorter ones lie
 * before it, so that a walk of each finds all that may match. Patterns are asked one by one, and only those whose fixed
 * beginning the path has.
 *
 * `valueFor` is asked once for each route. Others have their turn at every `yield`; nothing can be seen of a table that
 * is not finished. `readyRegex` has been waited for where there are patterns.
 */
export function* compileRoutes<T>(
  routes: readonly RouteOptions[],
  valueFor: (route: RouteOptions) => T,
): Generator<void, RouteTable<T>> {
  const draft = new TableDraft<T>();
  const patterns = new Map<string, Regex>();
  const regexOf = (pattern: string): Regex => {
    const made = patterns.get(pattern) ?? compileRegex(pattern);
    patterns.set(pattern, made);
    return made;
  };
  for (const options of routes) {
    const route = new Leading(options, valueFor(options), regexOf);
    yield;
    for (const host of options.hosts.length === 0 ? ANY_HOST : options.hosts) {
      draft.add(host, route);
      yield;
    }
  }
  const hosts = yield* Trie.of([draft.hosts]);
  const paths = yield* Trie.of(draft.paths);
  return new CompiledTable(routes.length, hosts, draft.any, paths);
}

class TableDraft<T> {
  readonly hosts = new Draft<HostEntry<T>>('');
  /** Of each host its own, at the place that its routes know as their root. */
  readonly paths: Draft<PathRoutes<T>>[] = [];
  any: HostRoutes<T> | null = null;

  add(host: string, route: Leading<T>): void {
    const routes = this.routesOf(host.toLowerCase());
    for (const candidate of route.candidates) routes.add(candidate, this.paths[routes.root]!);
  }

  private routesOf(host: string): HostRoutes<T> {
    if (host === '*') {
      this.any ??= this.make();
      return this.any;
    }
    const isWildcard = host.startsWith('*');
    const key = [...(isWildcard ? host.slice(1) : host)].reverse().join('');
    const draft = this.hosts.at(key);
    draft.entry ??= new HostEntry(key.length);
    if (isWildcard) return (draft.entry.wildcard ??= this.make());
    return (draft.entry.exact ??= this.make());
  }

  private make(): HostRoutes<T> {
    this.paths.push(new Draft(''));
    return new HostRoutes(this.paths.length - 1);
  }
}

/** A host, or what hosts end with. */
class HostEntry<T> implements TrieEntry {
  shorter: this | null = null;
  exact: HostRoutes<T> | null = null;
  wildcard: HostRoutes<T> | null = null;

  constructor(readonly length: number) {}
}

class CompiledTable<T> implements RouteTable<T> {
  constructor(
    readonly size: number,
    private readonly hosts: Trie<HostEntry<T>>,
    private readonly any: HostRoutes<T> | null,
    private readonly paths: PathTrie<T>,
  ) {}

  match(head: RequestHead): Found<T> | null {
    const { authority } = head;
    const { paths } = this;
    const end = endOfPath(head.path);
    const hostEnd = endOfHost(authority);
    let found = null;
    for (
      let at = this.hosts.find(0, authority, hostEnd - 1, hostEnd, -1, AS_SMALL);
      at !== null && found === null;
      at = at.shorter
    ) {
      if (at.length < hostEnd) found = at.wildcard === null ? null : at.wildcard.match(paths, head, end);
      else if (at.exact !== null) found = at.exact.match(paths, head, end);
    }
    if (found === null && this.any !== null) found = this.any.match(paths, head, end);
    return found === null ? null : found.route;
  }

  matchOf(found: Found<T>, head: RequestHead): RouteMatch | null {
    const { candidates } = found as Leading<T>;
    if (candidates.length > 1) {
      const end = endOfPath(head.path);
      for (let i = 0; i < candidates.length; i++) if (candidates[i]!.holdsAll(head, end)) return candidates[i]!.match;
    }
    return candidates[0]!.match;
  }
}

/** Where the port begins, or the end. */
function endOfHost(authority: string): number {
  let at = authority.length - 1;
  while (at >= 0 && authority.charCodeAt(at) >= ZERO && authority.charCodeAt(at) <= NINE) at--;
  return at >= 0 && authority.charCodeAt(at) === COLON ? at : authority.length;
}
