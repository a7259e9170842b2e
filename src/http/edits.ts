/**
 * What is changed of a head on its way through: fields left out, fields put in, a new target. It is filled by the
 * exchange and applied by an encoder in one pass; nothing is rewritten in place. One object per exchange, reset for
 * each use, so that a request costs no allocation here.
 *
 * Hop-by-hop fields (RFC 9110, 7.6.1), framing fields and `Expect` are the encoder's own business and cannot be set. A
 * `host` that is dropped and put in is the request's authority on every wire.
 */
export class Edits {
  /** Lower-case names whose lines are left out, `count` of them in use. */
  readonly removed: string[] = [];
  removedCount = 0;
  /** Lines put in after the others; names in lower case, values without CR, LF and NUL: the caller answers for that. */
  readonly names: string[] = [];
  readonly values: string[] = [];
  addedCount = 0;
  /** All lines whose name begins with `x-remora-` are left out. */
  removesOwn = false;
  /** The target to send instead of the head's own; null to keep it. */
  path: string | null = null;
  /** Close the connection after this message (HTTP/1.1 says so, HTTP/2 ignores it). */
  closes = false;

  reset(): void {
    this.removedCount = 0;
    this.addedCount = 0;
    this.removesOwn = false;
    this.path = null;
    this.closes = false;
  }

  remove(name: string): void {
    this.removed[this.removedCount++] = name;
  }

  /** The field is not there, neither what came of it nor what was put in. */
  drop(name: string): void {
    const { names, values, addedCount } = this;
    let kept = 0;
    for (let at = 0; at < addedCount; at++) {
      if (names[at] === name) continue;
      names[kept] = names[at]!;
      values[kept++] = values[at]!;
    }
    this.addedCount = kept;
    this.remove(name);
  }

  /** Adds a line and keeps those of the same name that are there. */
  append(name: string, value: string): void {
    this.names[this.addedCount] = name;
    this.values[this.addedCount++] = value;
  }

  /** The field has this one value, whatever it had. */
  set(name: string, value: string): void {
    this.remove(name);
    this.append(name, value);
  }

  /** True for a lower-case name whose lines are left out. */
  leavesOut(name: string): boolean {
    if (this.removesOwn && name.startsWith('x-remora-')) return true;
    for (let i = 0; i < this.removedCount; i++) if (this.removed[i] === name) return true;
    return false;
  }
}

/** Changes nothing; never filled. */
export const NO_EDITS: Edits = new Edits();
