/** Called once per field line, in order. `name` is lower-case; `value` has no leading or trailing white space. */
export type FieldVisitor = (name: string, value: string) => void;

/** The field lines of one head or trailer section, whatever the wire. Values are latin1 strings. */
export interface Fields {
  /**
   * The value of a field, by its lower-case name; lines of the same name joined with ", " (never for `set-cookie`: its
   * first line).
   */
  get(name: string): string | null;
  /** How many lines have this lower-case name. */
  count(name: string): number;
  forEach(visit: FieldVisitor): void;
}

export const NO_FIELDS: Fields = {
  get: () => null,
  count: () => 0,
  forEach: () => undefined,
};

/** Fields held as a list: for answers made here, for tests, and for what outlives the head it was read from. */
export class FieldList implements Fields {
  private readonly lines: { readonly name: string; readonly value: string }[] = [];

  static copyOf(fields: Fields): FieldList {
    const copy = new FieldList();
    fields.forEach((name, value) => copy.add(name, value));
    return copy;
  }

  add(name: string, value: string): this {
    this.lines.push({ name: name.toLowerCase(), value });
    return this;
  }

  get size(): number {
    return this.lines.length;
  }

  get(name: string): string | null {
    const values = this.lines.filter((line) => line.name === name).map((line) => line.value);
    if (values.length === 0) return null;
    return name === 'set-cookie' ? values[0]! : values.join(', ');
  }

  count(name: string): number {
    return this.lines.filter((line) => line.name === name).length;
  }

  forEach(visit: FieldVisitor): void {
    for (const { name, value } of this.lines) visit(name, value);
  }
}
