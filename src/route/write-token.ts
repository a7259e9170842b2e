/**
 * What a client carries from its last write to its next reads: when that was, and which position in the primary's history
 * it made, if the primary said one.
 *
 *     <ms since 1970, base 36>.<position, base 36, or nothing>
 *
 * It comes back from clients, so it is believed only as far as it can do no harm: it names no address, and all that a
 * forged one gets is reads from the primary for as long as a true one.
 */
export function writeToken(wallMs: number, position: number): string {
  return `${Math.floor(wallMs).toString(36)}.${position < 0 ? '' : position.toString(36)}`;
}

const TOKEN = /^(?<at>[0-9a-z]{1,10})\.(?<position>[0-9a-z]{0,11})$/;

/**
 * The position that a read has to have seen: 0 when the token is none or too old, `Infinity` when it does not say and only
 * the primary will do. A token from a clock that is ahead of ours is as good as a new one, and no better.
 */
export function positionWanted(token: string | null, wallMs: number, validMs: number): number {
  const groups = token === null ? undefined : TOKEN.exec(token)?.groups;
  if (groups === undefined) return 0;
  const at = Number.parseInt(groups['at']!, 36);
  if (wallMs - at >= validMs || at - wallMs >= validMs) return 0;
  if (groups['position'] === '') return Number.POSITIVE_INFINITY;
  const position = Number.parseInt(groups['position']!, 36);
  return Number.isSafeInteger(position) ? position : Number.POSITIVE_INFINITY;
}

const DECIMAL = /^\d{1,15}$/;
/** PostgreSQL writes a log sequence number as its two halves in hexadecimal: `16/B374D848`. */
const LSN = /^(?<high>[0-9A-Fa-f]{1,5})\/(?<low>[0-9A-Fa-f]{1,8})$/;

/** A position as an endpoint reports it: a number that grows, or PostgreSQL's form; -1 for anything else. */
export function parsePosition(text: string | null): number {
  if (text === null) return -1;
  if (DECIMAL.test(text)) return Number(text);
  const groups = LSN.exec(text)?.groups;
  return groups === undefined
    ? -1
    : Number.parseInt(groups['high']!, 16) * 2 ** 32 + Number.parseInt(groups['low']!, 16);
}
