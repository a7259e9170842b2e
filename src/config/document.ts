import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
  type YAMLMap,
  type Document as YamlDocument,
} from 'yaml';
import { type JsonNode, type JsonText, readJson } from './json-text.ts';
import type { Path } from './paths.ts';
import { type Finding, type Place, type Problem, problemOf } from './problems.ts';

/** YAML or JSON text as plain values, with the way back from a path to its line. */
export interface Document {
  readonly value: unknown;
  /** Keys given twice, names that cannot be kept and the like: wrong, though the rest can still be judged. */
  readonly findings: readonly Finding[];
  /** Null when the path was not written here. */
  place(path: Path, at: 'key' | 'value'): Place | null;
}

export const MAX_DOCUMENT_CHARACTERS = 1_048_576;
const MAX_DEPTH = 32;
const MAX_NODES = 100_000;
/** Those that say what the value is anyway; others would make something else of it. */
const PLAIN_TAG = /^(?:!|tag:yaml\.org,2002:(?:bool|float|int|map|null|seq|str))$/;
const ENDLESS = ['values nested or repeated without end', 'a document of ordinary size'] as const;

/**
 * Reads one document. Text that is not YAML at all gives problems and nothing else, since every later complaint would
 * be about what the parser guessed.
 */
export function readDocument(text: string, source: string, most = MAX_DOCUMENT_CHARACTERS): Document | Problem[] {
  if (text.length > most) {
    const size = finding([], 'value', `${text.length} characters`, `at most ${most}`);
    return [problemOf(size, { source, line: 1, column: 1 })];
  }
  const json = readJson(text, { depth: MAX_DEPTH, nodes: MAX_NODES });
  return json === null ? readYaml(text, source) : ofJson(json, text, source);
}

function readYaml(text: string, source: string): Document | Problem[] {
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { source, line: Math.max(1, line), column: Math.max(1, col) };
  };
  // What the parser merely warns of, a tag it does not know above all, would be read as something its writer did not
  // mean.
  const complaints = [...parsed.errors, ...parsed.warnings];
  // Where the parser gives up says nothing of the text, and is elsewhere each time.
  if (complaints.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) {
    return [problemOf(finding([], 'value', ...ENDLESS), { source, line: 1, column: 1 })];
  }
  if (complaints.length > 0) {
    return distinctLines(complaints.map((error) => problemOf(syntaxFinding(error), placeAt(error.pos[0]))));
  }

  const reader = new Reader();
  const value = reader.toPlain(parsed.contents, []);
  reader.reportOversize();
  const tree = new Tree(parsed);
  const place = (path: Path, at: 'key' | 'value'): Place | null => {
    const range = tree.offsetOf(path, at);
    return range === null ? null : placeAt(range);
  };
  return { value, findings: reader.findings, place };
}

function ofJson({ value, root }: JsonText, text: string, source: string): Document {
  const lines = new LineCounter();
  let isCounted = false;
  const place = (path: Path, at: 'key' | 'value'): Place | null => {
    const offset = jsonOffsetOf(root, path, at);
    if (offset === null) return null;
    if (!isCounted) {
      lines.addNewLine(0);
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1);
      isCounted = true;
    }
    const { line, col } = lines.linePos(offset);
    return { source, line, column: col };
  };
  return { value, findings: [], place };
}

function jsonOffsetOf(root: JsonNode, path: Path, at: 'key' | 'value'): number | null {
  let node = root;
  let offset = root.at;
  for (const step of path) {
    const entry = node.keys?.get(String(step));
    const next = entry?.node ?? (typeof step === 'number' ? node.items?.[step] : undefined);
    if (next === undefined) return null;
    offset = at === 'key' && entry !== undefined ? entry.at : next.at;
    node = next;
  }
  return offset;
}

/**
 * Turns nodes into plain values. Its own walk, so that every oddity is reported with its path and none is guessed at.
 */
class Reader {
  readonly findings: Finding[] = [];
  private nodes = 0;
  private isOversize = false;
  /** Of each name the last so far, which is the one that an alias means. */
  private readonly anchors = new Map<string, Node>();

  toPlain(node: unknown, path: Path): unknown {
    // Aliases can multiply a short text into a large value, or hold themselves.
    if (++this.nodes > MAX_NODES || path.length > MAX_DEPTH) this.isOversize = true;
    if (this.isOversize) return null;
    this.remember(node);
    if (isAlias(node)) {
      const target = this.anchors.get(node.source);
      if (target !== undefined) return this.toPlain(target, path);
      this.findings.push(finding(path, 'value', `*${node.source}`, 'the name of an anchor that stands above'));
      return null;
    }
    if (isNode(node) && node.tag !== undefined && !PLAIN_TAG.test(node.tag)) {
      this.findings.push(finding(path, 'value', `the tag ${node.tag}`, 'a value without one'));
      return null;
    }
    if (isMap(node)) return this.mapToPlain(node.items, path);
    if (isSeq(node)) return node.items.map((item, index) => this.toPlain(item, [...path, index]));
    return isScalar(node) ? scalarToPlain(node.value) : null;
  }

  /** The parser looks through the whole text for each alias, and a text may be nothing but aliases. */
  private remember(node: unknown): void {
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) this.anchors.set(node.anchor, node);
  }

  reportOversize(): void {
    if (this.isOversize) this.findings.push(finding([], 'value', ...ENDLESS));
  }

  private mapToPlain(pairs: readonly Pair[], path: Path): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    for (const pair of pairs) {
      const key = keyOf(pair);
      this.remember(pair.key);
      if (key === null) {
        this.findings.push(
          finding(path, 'value', 'a key that is a map or a list', 'a name', 'put text with braces in quotes'),
        );
      } else if (key === '__proto__') {
        this.findings.push(finding([...path, key], 'key', 'a reserved name', 'another name'));
      } else if (entries.has(key)) {
        this.findings.push(finding([...path, key], 'key', 'the key a second time', 'each key once'));
      } else {
        entries.set(key, this.toPlain(pair.value, [...path, key]));
      }
    }
    return Object.fromEntries(entries);
  }
}

/** The way from a path to its offset. Maps are searched once, since those of routes have thousands of keys. */
class Tree {
  private readonly found = new Map<YAMLMap, ReadonlyMap<string, { readonly first: Pair; readonly last: Pair }>>();

  constructor(private readonly parsed: YamlDocument.Parsed) {}

  /** Of a key or its value; null when there is none. Of a key given twice, the last: that is the one complained about. */
  offsetOf(path: Path, at: 'key' | 'value'): number | null {
    const root: Node | null = this.parsed.contents;
    let node: Node | null = root;
    let offset = root?.range?.[0] ?? 0;
    for (const [depth, step] of path.entries()) {
      const holder: Node | null = isAlias(node) ? (node.resolve(this.parsed) ?? null) : node;
      let next: unknown = null;
      let keyOffset = offset;
      if (isMap(holder)) {
        const pairs = this.pairsIn(holder).get(String(step));
        if (pairs === undefined) return null;
        const pair = at === 'key' ? pairs.last : pairs.first;
        keyOffset = (pair.key as Node).range?.[0] ?? offset;
        next = pair.value;
      } else if (isSeq(holder)) {
        if (typeof step !== 'number' || step >= holder.items.length) return null;
        next = holder.items[step];
        keyOffset = (next as Node).range?.[0] ?? offset;
      } else {
        return null;
      }
      node = next as Node | null;
      const isLast = depth === path.length - 1;
      offset = isLast && at === 'key' ? keyOffset : (node?.range?.[0] ?? keyOffset);
    }
    return offset;
  }

  private pairsIn(map: YAMLMap): ReadonlyMap<string, { readonly first: Pair; readonly last: Pair }> {
    const known = this.found.get(map);
    if (known !== undefined) return known;
    const pairs = new Map<string, { first: Pair; last: Pair }>();
    for (const pair of map.items as readonly Pair[]) {
      const key = keyOf(pair);
      if (key !== null) pairs.set(key, { first: pairs.get(key)?.first ?? pair, last: pair });
    }
    this.found.set(map, pairs);
    return pairs;
  }
}

function keyOf(pair: Pair): string | null {
  return isScalar(pair.key) ? String(pair.key.value) : null;
}

/** Whole numbers beyond 2^53 arrive as bigint; no key of ours takes one, so the text of it will do. */
function scalarToPlain(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function syntaxFinding(error: YAMLError): Finding {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return finding([], 'value', 'a tab as indentation', 'spaces');
    case 'MULTIPLE_DOCS':
      return finding([], 'value', 'a second document', 'one document');
    case 'TAG_RESOLVE_FAILED':
      return finding([], 'value', 'a tag', 'a value without one', firstLine(error));
    default:
      return finding([], 'value', 'broken YAML', 'YAML 1.2', firstLine(error));
  }
}

/** Less what the parser quotes from the text, which may be a secret. */
function firstLine({ message }: YAMLError): string {
  return message.split('\n')[0]!.replace(/: ".*$/, '');
}

/** The parser stumbles several times over one mistake; the first complaint of a line is the useful one. */
function distinctLines(problems: readonly Problem[]): Problem[] {
  return problems.filter((problem, index) => problems.findIndex((other) => other.line === problem.line) === index);
}

function finding(
  path: Path,
  at: 'key' | 'value',
  found: string,
  expected: string,
  hint: string | null = null,
): Finding {
  return { path, at, found, expected, hint };
}
