import type { Member } from './levels.ts';
import type { ZoneOptions } from './options.ts';

/** The endpoints of a level that are in one zone. */
export interface Zone {
  /** Null: of whom nobody said where they are. */
  readonly name: string | null;
  readonly members: readonly Member[];
  /** Of the level's traffic, 0 .. 1. */
  readonly share: number;
}

/**
 * Splits a level by zone so that traffic stays in the caller's own as far as that has room, which is Envoy's rule.
 *
 * Every zone should get what its endpoints can bear, whatever zones callers are in. So a zone that has as large a part
 * of the endpoints as of the callers keeps all traffic of its callers. One that has less keeps that proportion of it,
 * and the rest goes to zones that have more endpoints than callers, by how many more. Endpoints count by weight.
 * Callers that are unknown are taken for evenly spread over the zones that have endpoints.
 *
 * Null where a split would be a guess or of no use: too few endpoints, one zone, nobody in our own.
 */
export function splitByZone(members: readonly Member[], options: ZoneOptions): readonly Zone[] | null {
  const { own, minEndpoints, callers } = options;
  const groups = byZone(members);
  if (members.length < minEndpoints || groups.length < 2 || !groups.some(({ name }) => name === own)) return null;
  const known = callers !== null && (callers.get(own) ?? 0) > 0 ? callers : null;
  const allCallers = known === null ? 0 : [...known.values()].reduce((sum, count) => sum + count, 0);
  const callersIn = (name: string | null): number =>
    known === null ? 1 / groups.length : name === null ? 0 : (known.get(name) ?? 0) / allCallers;
  const rooms = groups.map(({ name, share }) => Math.max(0, share - callersIn(name)));
  const home = groups.find(({ name }) => name === own)!;
  const kept = Math.min(1, home.share / callersIn(own));
  const room = rooms.reduce((sum, one) => sum + one, 0);
  // Room is there whenever our own zone has too little, but for rounding.
  const isFull = kept === 1 || room < 1e-9;
  return groups.map(({ name, members: inside }, i) => {
    if (name === own) return { name, members: inside, share: isFull ? 1 : kept };
    return { name, members: inside, share: isFull ? 0 : ((1 - kept) * rooms[i]!) / room };
  });
}

/** In order of their names; shares by weight. */
export function byZone(members: readonly Member[]): readonly Zone[] {
  const groups = new Map<string | null, Member[]>();
  let total = 0;
  for (const member of members) {
    const group = groups.get(member.zone);
    if (group === undefined) groups.set(member.zone, [member]);
    else group.push(member);
    total += member.weight;
  }
  return [...groups]
    .sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1))
    .map(([name, inside]) => ({ name, members: inside, share: weightOf(inside) / total }));
}

function weightOf(members: readonly Member[]): number {
  return members.reduce((sum, { weight }) => sum + weight, 0);
}
