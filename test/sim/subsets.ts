/**
 * The servers that a sidecar knows when it does not know all: those with the highest scores for it (rendezvous), so that one
 * that comes or goes changes the subsets of few.
 */
export function subsetOf(members: readonly number[], sidecar: number, size: number | null): readonly number[] {
  if (size === null || members.length <= size) return members;
  const scores = Float64Array.from(members, (server) => score(sidecar, server));
  const least = scores.slice().sort()[scores.length - size]!;
  return members.filter((_, i) => scores[i]! >= least).slice(0, size);
}

/** Two rounds of a 32-bit mixer: alike numbers get unrelated scores. */
function score(sidecar: number, server: number): number {
  return mixed(mixed(sidecar) ^ server) >>> 0;
}

function mixed(word: number): number {
  let z = (word + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return z ^ (z >>> 16);
}
