/**
 * Documents that programs write for one another in KV, as they come back: somebody may have edited them, so everything
 * is looked at before it is believed. What is wrong is thrown as an `Error` in words.
 */
export type JsonMap = Readonly<Record<string, unknown>>;

export function parseJsonMap(text: string): JsonMap {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (_error) {
    throw new Error('not JSON');
  }
  return readMap(value, 'the document');
}

export function readMap(value: unknown, what: string): JsonMap {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is not a map`);
  return value as JsonMap;
}

export function readText(found: JsonMap, key: string, form: RegExp | null = null): string {
  const value = found[key];
  if (typeof value !== 'string' || (form !== null && !form.test(value)))
    throw new Error(`${key} is not what it must be`);
  return value;
}

/** A whole number. */
export function readCount(found: JsonMap, key: string, most: number = Number.MAX_SAFE_INTEGER): number {
  const value = found[key];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most) return value;
  throw new Error(`${key} is not a whole number up to ${most}`);
}

export function readList<T>(found: JsonMap, key: string, most: number, decode: (value: unknown) => T): readonly T[] {
  const value = found[key];
  if (!Array.isArray(value) || value.length > most) throw new Error(`${key} is not a list of up to ${most}`);
  return value.map(decode);
}
