/**
 * What a client carries from its last write to its next reads: when that was, and which position it made in whose
 * history, if the primary said one.
 *
 *     <ms since 1970, base 36>.<position, base 36>.<history, base 36>        or        <ms since 1970, base 36>.
 *
 * Positions of two histories (two shards, two services behind one host) say nothing of each other, and a client has one
 * token for all: one of another history is as good as one without a position.
 *
 * It comes back from clients, so it is believed only as far as it can do no harm: it names no address, and all that a
 * forged one gets is reads from the primary for as long as a true one.
 */
export function writeToken(wallMs: number, position: number, history: number): string {
  const at = Math.floor(wallMs).toString(36);
  return position < 0 ? `${at}.` : `${at}.${position.toString(36)}.${history.toString(36)}`;
}

const TOKEN = /^(?<at>[0-9a-z]{1,10})\.(?:(?<position>[0-9a-z]{1,11})\.(?<history>[0-9a-z]{1,7}))?$/;

/**
 * The position that a read has to have seen: 0 when the token is none or too old, `Infinity` when it does not say and
 * only the primary will do. A token from a clock that is ahead of ours is as good as a new one, and no better.
 */
export function positionWanted(token: string | null, history: number, wallMs: number, validMs: number): number {
  const groups = token === null ? undefined : TOKEN.exec(token)?.groups;
  if (groups === undefined) return 0;
  const at = Number.parseInt(groups['at']!, 36);
  if (wallMs - at >= validMs || at - wallMs >= validMs) return 0;
  if (groups['position'] === undefined || groups['history'] !== history.toString(36)) return Number.POSITIVE_INFINITY;
  const position = Number.parseInt(groups['position'], 36);
  // 0 would be any position at all.
  return position > 0 && Number.isSafeInteger(position) ? position : Number.POSITIVE_INFINITY;
}
