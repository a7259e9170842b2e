/** Something kept at the end of a key. `length` is that of its key. */
export interface TrieEntry {
  readonly length: number;
  /** The next that the same texts lead past, or null; set when the trie is finished. */
  shorter: this | null;
}

/** Fields of a node: first child, number of children, where its label begins, twice its length and 1 with an entry. */
const FIELDS_SHIFT = 2;
const CHILD_COUNT = 1;
const LABEL = 2;
const LENGTH_AND_MARK = 3;

/** One node while a trie is made. */
export class Draft<E extends TrieEntry> {
  entry: E | null = null;
  readonly children: Draft<E>[] = [];
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

  /** Of drafts of roots, which are called by their place among them. Lets others run all along. */
  static *of<E extends TrieEntry>(roots: readonly Draft<E>[]): Generator<void, Trie<E>> {
    const order: Draft<E>[] = [...roots];
    const above: (E | null)[] = roots.map(() => null);
    const nodes: number[] = [];
    const firsts: number[] = [];
    const labels: number[] = [];
    const entries: (E | null)[] = [];
    for (let at = 0; at < order.length; at++) {
      const { label, children, entry } = order[at]!;
      nodes.push(order.length, children.length, labels.length, label.length * 2 + (entry === null ? 0 : 1));
      firsts.push(label === '' ? 0 : label.charCodeAt(0));
      for (let i = 0; i < label.length; i++) labels.push(label.charCodeAt(i));
      entries.push(entry);
      if (entry !== null) entry.shorter = above[at]!;
      for (const child of children) {
        order.push(child);
        above.push(entry ?? above[at]!);
      }
      if (at % 64 === 63) yield;
    }
    return new Trie(new Int32Array(nodes), new Uint16Array(firsts), new Uint16Array(labels), entries);
  }

  /**
   * The entry of the longest key that `count` characters of `text` begin with, read from `at` on by `step` (1, or -1 for
   * backwards), each as `fold` has it.
   */
  find(root: number, text: string, at: number, count: number, step: number, fold: Uint8Array): E | null {
    const { nodes, firsts, labels, entries } = this;
    let node = root << FIELDS_SHIFT;
    let found = root;
    while (count > 0) {
      const code = fold[text.charCodeAt(at)]!;
      let child = nodes[node]!;
      const end = child + nodes[node + CHILD_COUNT]!;
      while (child < end && firsts[child] !== code) child++;
      if (child === end) break;
      node = child << FIELDS_SHIFT;
      const length = nodes[node + LENGTH_AND_MARK]! >> 1;
      const label = nodes[node + LABEL]!;
      if (length > count || !isLabel(labels, label, length, text, at, step, fold)) break;
      at += length * step;
      count -= length;
      if ((nodes[node + LENGTH_AND_MARK]! & 1) !== 0) found = child;
    }
    return entries[found]!;
  }
}

/** Its first character has been compared already. */
function isLabel(
  labels: Uint16Array,
  label: number,
  length: number,
  text: string,
  at: number,
  step: number,
  fold: Uint8Array,
): boolean {
  for (let i = 1; i < length; i++) {
    at += step;
    if (labels[label + i] !== fold[text.charCodeAt(at)]) return false;
  }
  return true;
}

/** Every character is what it is. */
export const AS_IT_IS = Uint8Array.from({ length: 256 }, (_, code) => code);
/** Capitals are small letters. */
export const AS_SMALL = Uint8Array.from({ length: 256 }, (_, code) => (code >= 65 && code <= 90 ? code + 32 : code));
