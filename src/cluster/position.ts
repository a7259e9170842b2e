const DECIMAL = /^\d{1,15}$/;
/** PostgreSQL writes a log sequence number as its two halves in hexadecimal: `16/B374D848`. */
const LSN = /^(?<high>[0-9A-Fa-f]{1,5})\/(?<low>[0-9A-Fa-f]{1,8})$/;

/**
 * A position in a primary's history, as an endpoint reports it: a number that grows, or PostgreSQL's form; -1 for
 * anything else.
 */
export function parsePosition(text: string | null): number {
  if (text === null) return -1;
  if (DECIMAL.test(text)) return Number(text);
  const groups = LSN.exec(text)?.groups;
  return groups === undefined
    ? -1
    : Number.parseInt(groups['high']!, 16) * 2 ** 32 + Number.parseInt(groups['low']!, 16);
}
