/** Something kept at the end of a key. `length` is that of its key. */
export interface TrieEntry {
  readonly length: number;
  /** The next that the same texts lead past, or null; set when the trie is finished. */
  shorter: this | null;
}

/** Fields of a node: first child, number of children, where its label begins, how long it is. */
const FIELDS_SHIFT = 2;
const CHILD_COUNT = 1;
const LABEL = 2;
const LABEL_LENGTH = 3;

/** One node while a trie is made. */
export class Draft<E extends TrieEntry> {
  entry: E | null = null;
  readonly children: Draft<E>[] = [];
  /** Where it is in the finished trie. */
  index = 0;

  constructor(public label: string) {}

  /** The node at the end of a key; it is made when there is none. */
  at(key: string): Draft<E> {
    let node: Draft<E> = this;
    for (let at = 0; at < key.length; ) {
      const place = node.children.findIndex(({ label }) => label.charCodeAt(0) === key.charCodeAt(at));
      if (place === -1) {
        const made = new Draft<E>(key.slice(at));
        node.children.push(made);
        return made;
      }
      const child = node.children[place]!;
      const shared = sharedLength(child.label, key, at);
      node = shared === child.label.length ? child : child.splitFor(node.children, place, shared);
      at += shared;
    }
    return node;
  }

  private splitFor(siblings: Draft<E>[], place: number, length: number): Draft<E> {
    const upper = new Draft<E>(this.label.slice(0, length));
    this.label = this.label.slice(length);
    upper.children.push(this);
    siblings[place] = upper;
    return upper;
  }
}

function sharedLength(label: string, key: string, from: number): number {
  let length = 1;
  while (length < label.length && label.charCodeAt(length) === key.charCodeAt(from + length)) length++;
  return length;
}

/**
 * Keys under many roots, found by walking along a text: the longest key that the text begins with, in time that depends
 * on the text and not on how many keys there are, and without making a string.
 *
 * Nodes with one child and no entry are joined with it (a radix tree), and everything lies in a few flat arrays: the
 * children of a node side by side, so that looking for one reads one line of memory.
 */
export class Trie<E extends TrieEntry> {
  private constructor(
    private readonly nodes: Int32Array,
    private readonly firsts: Uint16Array,
    private readonly labels: Uint16Array,
    private readonly entries: readonly (E | null)[],
  ) {}

  /** Takes drafts of roots; they are `index` afterwards, in their order. Lets others run all along. */
  static *of<E extends TrieEntry>(roots: readonly Draft<E>[]): Generator<void, Trie<E>> {
    const order: Draft<E>[] = [...roots];
    const above: (E | null)[] = roots.map(() => null);
    const nodes: number[] = [];
    const labels: number[] = [];
    for (let at = 0; at < order.length; at++) {
      const draft = order[at]!;
      draft.index = at;
      nodes.push(order.length, draft.children.length, labels.length, draft.label.length);
      for (let i = 0; i < draft.label.length; i++) labels.push(draft.label.charCodeAt(i));
      if (draft.entry !== null) draft.entry.shorter = above[at]!;
      for (const child of draft.children) {
        order.push(child);
        above.push(draft.entry ?? above[at]!);
      }
      if (at % 64 === 63) yield;
    }
    const firsts = Uint16Array.from(order, ({ label }) => (label === '' ? 0 : label.charCodeAt(0)));
    yield;
    const entries = order.map(({ entry }) => entry);
    yield;
    return new Trie(Int32Array.from(nodes), firsts, Uint16Array.from(labels), entries);
  }

  /**
   * The entry of the longest key that `count` characters of `text` begin with, read from `at` on by `step` (1, or -1 for
   * backwards), each as `fold` has it.
   */
  find(root: number, text: string, at: number, count: number, step: number, fold: Uint8Array): E | null {
    const { nodes, firsts, labels, entries } = this;
    let node = root << FIELDS_SHIFT;
    let found = entries[root]!;
    while (count > 0) {
      const code = fold[text.charCodeAt(at)]!;
      let child = nodes[node]!;
      const end = child + nodes[node + CHILD_COUNT]!;
      while (child < end && firsts[child] !== code) child++;
      if (child === end) return found;
      node = child << FIELDS_SHIFT;
      const length = nodes[node + LABEL_LENGTH]!;
      if (length > count) return found;
      const label = nodes[node + LABEL]!;
      for (let i = 1; i < length; i++) {
        at += step;
        if (labels[label + i] !== fold[text.charCodeAt(at)]) return found;
      }
      at += step;
      count -= length;
      found = entries[child] ?? found;
    }
    return found;
  }
}

/** Every character is what it is. */
export const AS_IT_IS = Uint8Array.from({ length: 256 }, (_, code) => code);
/** Capitals are small letters. */
export const AS_SMALL = Uint8Array.from({ length: 256 }, (_, code) => (code >= 65 && code <= 90 ? code + 32 : code));
