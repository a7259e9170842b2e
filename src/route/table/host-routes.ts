import type { RequestHead } from '../../http/head.ts';
import { type Candidate, inOrder } from './candidate.ts';
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
  private hasOrders = false;
  /** Those that say nothing of the path. */
  private others: Candidate<T>[] = NOBODY;

  /** `root`: of its paths in the trie that all hosts share. */
  constructor(readonly root: number) {}

  add(candidate: Candidate<T>, paths: Draft<PathRoutes<T>>): void {
    const { place } = candidate;
    this.hasOrders ||= candidate.order !== 0;
    if (place === null) {
      this.others = withInOrder(this.others, candidate);
      return;
    }
    const key = place.kind === 'regex' ? fixedBeginning(place.value) : place.value;
    const draft = paths.at(key);
    draft.entry ??= new PathRoutes(key.length);
    draft.entry[place.kind] = withInOrder(draft.entry[place.kind], candidate);
    this.hasPatterns ||= place.kind === 'regex';
  }

  /** The first of them by order and precedence. `end`: of the path, where a query begins. */
  match(paths: PathTrie<T>, head: RequestHead, end: number): Candidate<T> | null {
    return this.hasOrders ? this.byOrder(paths, head, end) : this.byPrecedence(paths, head, end);
  }

  /** The same way along the paths, to its end: of those with one order, the first that is found has precedence. */
  private byOrder(paths: PathTrie<T>, head: RequestHead, end: number): Candidate<T> | null {
    const { path } = head;
    const longest = paths.find(this.root, path, 0, end, 1, AS_IT_IS);
    let best: Candidate<T> | null = null;
    if (longest !== null && longest.length === end) best = lowerOf(best, longest.exact, head, end, false);
    for (let at = longest; at !== null; at = at.shorter) {
      if (at.segments.length > 0 && endsSegment(path, at.length, end))
        best = lowerOf(best, at.segments, head, end, false);
      best = lowerOf(best, at.prefix, head, end, false);
    }
    for (let at = this.hasPatterns ? longest : null; at !== null; at = at.shorter) {
      best = lowerOf(best, at.regex, head, end, true);
    }
    return lowerOf(best, this.others, head, end, true);
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

/** The first of a lower order than the best so far, or that. */
function lowerOf<T>(
  best: Candidate<T> | null,
  candidates: readonly Candidate<T>[],
  head: RequestHead,
  end: number,
  asksPath: boolean,
): Candidate<T> | null {
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!;
    if (best !== null && candidate.order >= best.order) return best;
    if (asksPath ? candidate.holdsAll(head, end) : candidate.holds(head, end)) return candidate;
  }
  return best;
}

/** Most lists have one or two; of a long one the new one is last mostly, since routes come by name. */
function withInOrder<T>(list: Candidate<T>[], candidate: Candidate<T>): Candidate<T>[] {
  if (list === NOBODY) return [candidate];
  let place = list.length;
  while (place > 0 && inOrder(candidate, list[place - 1]!) < 0) place--;
  list.splice(place, 0, candidate);
  return list;
}
