/** A value in a JSON text: where it begins, and what is in it. */
export interface JsonNode {
  readonly at: number;
  /** Null: no map. */
  readonly keys: ReadonlyMap<string, { readonly at: number; readonly node: JsonNode }> | null;
  /** Null: no list. */
  readonly items: readonly JsonNode[] | null;
}

export interface JsonText {
  readonly value: unknown;
  readonly root: JsonNode;
}

export interface JsonBounds {
  readonly depth: number;
  readonly nodes: number;
}

/** JSON, which may stand below comments of YAML; comments are for people and seals. */
const COMMENTS = /^(?:#[^\n]*\n|\s)*/;

/**
 * Reads a text that is JSON, many times faster than a parser of YAML would. The platform's parser says what it means;
 * places come from a second walk over a text that is known to be good. Null: it is not JSON, or there is something odd
 * about it (keys given twice, a reserved name, more than the bounds allow), and the parser of YAML has the words for that.
 */
export function readJson(text: string, bounds: JsonBounds): JsonText | null {
  const from = COMMENTS.exec(text)?.[0].length ?? 0;
  if (text[from] !== '{') return null;
  let value: unknown;
  try {
    value = JSON.parse(from === 0 ? text : text.slice(from));
  } catch {
    return null; // YAML, or broken; its parser says which
  }
  const walk = new Walk(text, from, bounds);
  const root = walk.node(0);
  return walk.isOdd ? null : { value, root };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

class Walk {
  isOdd = false;
  private nodes = 0;

  constructor(
    private readonly text: string,
    private at: number,
    private readonly bounds: JsonBounds,
  ) {}

  /** Ends behind the value. */
  node(depth: number): JsonNode {
    this.skipSpace();
    const at = this.at;
    if (++this.nodes > this.bounds.nodes || depth > this.bounds.depth) this.isOdd = true;
    if (this.isOdd) return { at, keys: null, items: null };
    switch (this.text.charCodeAt(at)) {
      case OPEN_MAP:
        return { at, keys: this.map(depth + 1), items: null };
      case OPEN_LIST:
        return { at, keys: null, items: this.list(depth + 1) };
      case QUOTE:
        this.skipString();
        break;
      default:
        this.skipWord();
    }
    return { at, keys: null, items: null };
  }

  private map(depth: number): JsonNode['keys'] {
    const keys = new Map<string, { at: number; node: JsonNode }>();
    this.at += 1;
    while (this.next() !== CLOSE_MAP && !this.isOdd) {
      const at = this.at;
      const key = this.key();
      this.next();
      this.at += 1; // the colon
      if (keys.has(key) || key === '__proto__') this.isOdd = true;
      keys.set(key, { at, node: this.node(depth) });
      if (this.next() === COMMA) this.at += 1;
    }
    this.at += 1;
    return keys;
  }

  private list(depth: number): JsonNode[] {
    const items: JsonNode[] = [];
    this.at += 1;
    while (this.next() !== CLOSE_LIST && !this.isOdd) {
      items.push(this.node(depth));
      if (this.next() === COMMA) this.at += 1;
    }
    this.at += 1;
    return items;
  }

  private key(): string {
    const from = this.at;
    this.skipString();
    const raw = this.text.slice(from + 1, this.at - 1);
    return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
  }

  private skipString(): void {
    let at = this.at + 1;
    for (let code = this.text.charCodeAt(at); code !== QUOTE; code = this.text.charCodeAt(at)) {
      at += code === BACKSLASH ? 2 : 1;
    }
    this.at = at + 1;
  }

  private skipWord(): void {
    while (!/[\s,\]}]/.test(this.text.charAt(this.at)) && this.at < this.text.length) this.at += 1;
  }

  private next(): number {
    this.skipSpace();
    return this.text.charCodeAt(this.at);
  }

  private skipSpace(): void {
    let code = this.text.charCodeAt(this.at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = this.text.charCodeAt(++this.at);
  }
}
