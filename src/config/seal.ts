import { createHash } from 'node:crypto';

const SEAL = /^# remora sha256=([0-9a-f]*)[^\n]*(?:\n|$)/;

/** The text with a first line by which a reader knows that it has all of it. A line that is there already is replaced. */
export function seal(text: string): string {
  const bare = unsealed(text);
  return `# remora sha256=${digestOf(bare)}\n${bare}`;
}

/** The text without that line. */
export function unsealed(text: string): string {
  return text.replace(SEAL, '');
}

/**
 * Null: it is whole, or nobody said what the whole is. A line feed more at its end is what `consul kv get` and editors
 * put there; nothing is missing for that.
 */
export function sealFlaw(text: string): string | null {
  const [line, digest] = SEAL.exec(text) ?? [];
  if (line === undefined) return null;
  const bare = text.slice(line.length);
  if (digestOf(bare) === digest || (bare.endsWith('\n') && digestOf(bare.slice(0, -1)) === digest)) return null;
  return 'a text that is not the one its first line was written for';
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
