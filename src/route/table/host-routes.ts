import type { RequestHead } from '../../http/head.ts';
import { type Candidate, inOrder, precedence } from './candidate.ts';
import { endsSegment } from './path-test.ts';
import { fixedBeginning } from './regex.ts';
import { AS_IT_IS, type Draft, type Trie, type TrieEntry } from './trie.ts';

/** The list of all that have none. */
const NOBODY: never[] = [];

/** Routes of one host that share a path, or the beginning of one. */
export class PathRoutes<T> implements TrieEntry {
  shorter: this | null = null;
  exact: Candidate<T>[] = NOBODY;
  segments: Candidate<T>[] = NOBODY;
  prefix: Candidate<T>[] = NOBODY;
  /** Whose texts begin so, whatever else they are. */
  regex: Candidate<T>[] = NOBODY;

  constructor(readonly length: number) {}
}

export type PathTrie<T> = Trie<PathRoutes<T>>;

/** All routes of one host. */
export class HostRoutes<T> {
  private hasPatterns = false;
  /** Those with an order below 0, and above: looked at one after another. */
  private before: Candidate<T>[] = NOBODY;
  private after: Candidate<T>[] = NOBODY;
  /** Those that say nothing of the path. */
  private others: Candidate<T>[] = NOBODY;

  /** `root`: of its paths in the trie that all hosts share. */
  constructor(readonly root: number) {}

  add(candidate: Candidate<T>, paths: Draft<PathRoutes<T>>): void {
    const { place } = candidate;
    const { order } = candidate.route.options;
    if (order < 0) this.before = withInOrder(this.before, candidate, inOrder);
    if (order > 0) this.after = withInOrder(this.after, candidate, inOrder);
    if (order !== 0) return;
    if (place === null) {
      this.others = withInOrder(this.others, candidate, precedence);
      return;
    }
    const key = place.kind === 'regex' ? fixedBeginning(place.value) : place.value;
    const draft = paths.at(key);
    draft.entry ??= new PathRoutes(key.length);
    draft.entry[place.kind] = withInOrder(draft.entry[place.kind], candidate, precedence);
    this.hasPatterns ||= place.kind === 'regex';
  }

  /** The first of them by precedence. `end`: of the path, where a query begins. */
  match(paths: PathTrie<T>, head: RequestHead, end: number): Candidate<T> | null {
    const found = this.before.length === 0 ? null : firstOf(this.before, head, end, true);
    if (found !== null) return found;
    return (
      this.byPrecedence(paths, head, end) ?? (this.after.length === 0 ? null : firstOf(this.after, head, end, true))
    );
  }

  private byPrecedence(paths: PathTrie<T>, head: RequestHead, end: number): Candidate<T> | null {
    const { path } = head;
    const longest = paths.find(this.root, path, 0, end, 1, AS_IT_IS);
    if (longest !== null) {
      const found = this.byBeginning(longest, head, end);
      if (found !== null) return found;
    }
    return this.others.length === 0 ? null : firstOf(this.others, head, end, true);
  }

  private byBeginning(longest: PathRoutes<T>, head: RequestHead, end: number): Candidate<T> | null {
    let found = longest.length === end ? firstOf(longest.exact, head, end, false) : null;
    for (let at: PathRoutes<T> | null = longest; at !== null && found === null; at = at.shorter) {
      if (at.segments.length > 0 && endsSegment(head.path, at.length, end))
        found = firstOf(at.segments, head, end, false);
      found ??= firstOf(at.prefix, head, end, false);
    }
    if (!this.hasPatterns) return found;
    for (let at: PathRoutes<T> | null = longest; at !== null && found === null; at = at.shorter) {
      found = firstOf(at.regex, head, end, true);
    }
    return found;
  }
}

function firstOf<T>(
  candidates: readonly Candidate<T>[],
  head: RequestHead,
  end: number,
  asksPath: boolean,
): Candidate<T> | null {
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!;
    if (asksPath ? candidate.holdsAll(head, end) : candidate.holds(head, end)) return candidate;
  }
  return null;
}

/** Most lists have one or two; of a long one the new one is last mostly, since routes come by name. */
function withInOrder<T>(
  list: Candidate<T>[],
  candidate: Candidate<T>,
  compare: (a: Candidate<T>, b: Candidate<T>) => number,
): Candidate<T>[] {
  if (list === NOBODY) return [candidate];
  let place = list.length;
  while (place > 0 && compare(candidate, list[place - 1]!) < 0) place--;
  list.splice(place, 0, candidate);
  return list;
}
