/** A subset as the file would say it. */
export interface WrittenSubset {
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
}

const AND = /\s+and\s+/;
const EQUAL =
  /^Service\.Meta(?:\.([A-Za-z0-9_-]{1,128})|\["([A-Za-z0-9_-]{1,128})"\])\s*==\s*(?:"([^"]*)"|`([^`]*)`|([A-Za-z0-9._-]+))$/;
const TAGGED = /^(?:"([^"]*)"|`([^`]*)`)\s+in\s+Service\.Tags$/;
const CONTAINS = /^Service\.Tags\s+contains\s+(?:"([^"]*)"|`([^`]*)`)$/;

/**
 * An expression of Consul's filter language as what endpoints have, where that is all it says: metadata that is equal to
 * something, tags, and both joined by `and`. Null: it says something else, which only Consul can judge.
 */
export function subsetOfFilter(filter: string): WrittenSubset | null {
  const tags: string[] = [];
  const meta = new Map<string, string>();
  for (const term of filter.trim().split(AND)) {
    const equal = EQUAL.exec(term);
    const tagged = TAGGED.exec(term) ?? CONTAINS.exec(term);
    if (equal !== null) {
      const key = equal[1] ?? equal[2]!;
      const value = equal[3] ?? equal[4] ?? equal[5]!;
      if (meta.has(key) && meta.get(key) !== value) return null;
      meta.set(key, value);
    } else if (tagged !== null) {
      tags.push(tagged[1] ?? tagged[2]!);
    } else {
      return null;
    }
  }
  // What the file could not say either.
  const isWritable = [...tags, ...meta.values()].every((text) => /^[^\u0000-\u001f\u007f]+$/.test(text));
  return isWritable ? { tags, meta: Object.fromEntries(meta) } : null;
}
