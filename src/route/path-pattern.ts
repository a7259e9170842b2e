/**
 * A path with `*` for any run of characters, none and slashes included: `/search/*`, `/pkg.Orders/Get*`. Compared with
 * the path as it came, without its query. No regular expression: clients choose the path, and some of those run for
 * hours.
 */
export class PathPattern {
  private readonly first: string;
  private readonly middle: readonly string[];
  /** Null: no `*` at all. */
  private readonly last: string | null;

  constructor(text: string) {
    const [first, ...rest] = text.split('*');
    this.first = first!;
    this.last = rest.pop() ?? null;
    this.middle = rest;
  }

  matches(path: string): boolean {
    const query = path.indexOf('?');
    const end = query < 0 ? path.length : query;
    const { first, middle, last } = this;
    if (last === null) return end === first.length && path.startsWith(first);
    if (first.length > end || !path.startsWith(first)) return false;
    let at = first.length;
    for (const piece of middle) {
      const found = path.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return end - last.length >= at && path.startsWith(last, end - last.length);
  }
}
